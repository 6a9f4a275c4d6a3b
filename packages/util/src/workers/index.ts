/** Adapters for workerd and Cloudflare Workers: its sockets as `Io`s, inbound and outbound, and a clock. */
export { createPortableTimer as createTimer } from "../portable/timer.ts";
export { connect, type WorkerConnectOptions } from "./connect.ts";
export { type ConnectHandler, inbound } from "./inbound.ts";
export type { SocketsConnect, WorkerSocket, WorkerSocketInfo } from "./runtime.ts";
