/**
 * Between Sluice and the Fetch standard: handlers as services, services as handlers, and `fetch` over the pooled client.
 */
export { createFetch, type Fetch } from "./create-fetch.ts";
export { FetchInfo, type FetchUpgrade } from "./fetch-info.ts";
export type { FetchOptions } from "./fetch-options.ts";
export { type FetchHandler, type FromFetchHandlerOptions, fromFetchHandler } from "./from-fetch-handler.ts";
export { nativeRequest } from "./light-request.ts";
export { installLightResponse, LightResponse } from "./light-response.ts";
export { toFetchHandler } from "./to-fetch-handler.ts";
