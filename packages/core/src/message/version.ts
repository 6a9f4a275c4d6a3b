/** The protocol version of a message, as it is named on the wire of HTTP/1. */
export type HttpVersion = "HTTP/0.9" | "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";
