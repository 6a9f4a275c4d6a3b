/** Adapters for what every modern runtime has: WHATWG streams as `Io`s. */
export { type WebIoOptions, type WebStreamPair, webIo } from "./web-io.ts";
