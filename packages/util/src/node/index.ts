/** Adapters for Node: sockets as `Io`s, listening, and the clock. */
export { type HandOverName, type HandOverOptions, handOver, receiveListener } from "./hand-over.ts";
export { type Listener, listen } from "./listen.ts";
export type { AcceptOptions, ListenAddress, ListenOptions } from "./listen-options.ts";
export { type MergedListeners, mergeListeners } from "./merge-listeners.ts";
export { nodeStream } from "./node-stream.ts";
export { type NodeIo, type NodeIoOptions, nodeIo } from "./socket-io.ts";
export { createNodeTimer, type NodeTimerOptions, nodeTimer, type TimerClock } from "./timer.ts";
export type { TlsServerOptions } from "./tls-options.ts";
