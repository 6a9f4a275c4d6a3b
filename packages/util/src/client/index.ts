/** The pooled client. */
export { Client, type PooledConnection } from "./client.ts";
export type { ClientObserver } from "./client-observer.ts";
export type { HostStats } from "./host-pool.ts";
export type { ClientOptions, ClientTimeouts, HttpVersionChoice, RequestOptions } from "./options.ts";
export type { Origin } from "./origin.ts";
