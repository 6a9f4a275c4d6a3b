/** Adapters for what every modern runtime has, browsers included: WHATWG streams, WebSockets and message ports as `Io`s. */
export { createPortableTimer as createTimer, portableTimer as timer } from "../portable/timer.ts";
export type { MessagePortLike } from "./message-port.ts";
export { type MessagePortIoOptions, messagePortIo } from "./message-port-io.ts";
export { type WebIoOptions, type WebStreamPair, webIo } from "./web-io.ts";
export type { WebSocketLike } from "./web-socket.ts";
export { type WebSocketIoOptions, webSocketIo } from "./web-socket-io.ts";
