/**
 * Connectors for the client's tests: all lead to 127.0.0.1, and some do not tell the truth.
 */
import type { Io, IoInfo } from "@sluice/core";
import { type Connector, httpConnector } from "@sluice/util/connect";

/** To the port, whatever the target is; the transport says `info` about itself. */
export function leadingTo(port: number, info: IoInfo): Connector {
  return async (target, signal) => {
    const connected = await httpConnector()({ ...target, scheme: "http", host: "127.0.0.1", port }, signal);
    return connected.over(saying(connected.io, info));
  };
}

/** As if ALPN had chosen HTTP/2, in clear. */
export function choosingHttp2(port: number): Connector {
  return leadingTo(port, { alpnProtocol: "h2" });
}

/** Counts the calls of a connector. */
export class Counted {
  calls = 0;
  readonly connector: Connector;

  constructor(inner: Connector = httpConnector()) {
    this.connector = (target, signal) => {
      this.calls++;
      return inner(target, signal);
    };
  }
}

function saying(io: Io, info: IoInfo): Io {
  return {
    info,
    timer: io.timer,
    read: (done) => io.read(done),
    write: (chunks) => io.write(chunks),
    drained: (done) => io.drained(done),
    shutdown: (done) => io.shutdown(done),
    abort: (reason) => io.abort(reason),
  };
}
