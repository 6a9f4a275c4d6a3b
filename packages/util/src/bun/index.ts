/** Adapters for Bun: its sockets as `Io`s, listening, connecting, and the clock. */
export type { PortableAddress, PortableListener } from "../portable/listener.ts";
export type { ConnectOptions, ListenOptions } from "../portable/options.ts";
export { createPortableTimer as createTimer, portableTimer as timer } from "../portable/timer.ts";
export type { TlsConnectOptions, TlsListenOptions } from "../portable/tls.ts";
export { connect } from "./connect.ts";
export { listen } from "./listen.ts";
