/** Adapters for Node: sockets as `Io`s, listening, and the clock. */
export { type ListenAddress, type Listener, type ListenOptions, listen } from "./listen.ts";
export { type NodeIo, type NodeIoOptions, nodeIo } from "./socket-io.ts";
export { createNodeTimer, type NodeTimerOptions, nodeTimer, type TimerClock } from "./timer.ts";
