/**
 * A trace of a connection, as JSON lines: one object per event, with the time `t`, the connection's name `c`, the kind
 * of event `ev`, and what belongs to it.
 *
 * | `ev`            | what happened                                   | with                                        |
 * | --------------- | ----------------------------------------------- | ------------------------------------------- |
 * | `in`, `out`     | an HTTP/2 frame was received, or sent           | `type`, `stream`, `flags`, `length`, details |
 * | `stream`        | an HTTP/2 stream changed its state              | `stream`, `from`, `to`                      |
 * | `stall`         | something waits and cannot be sent              | `stream`, `by`                              |
 * | `defence`       | something happened that a defence counts        | `name`, `count`                             |
 * | `ping`          | a PING of ours was answered                     | `rtt` in milliseconds                       |
 * | `request`       | a request head was received, or sent            | `method`, `scheme` if it is known           |
 * | `interim`       | a 1xx response was sent, or received            | `status`                                    |
 * | `response`      | a final response head was sent, or received     | `status`                                    |
 * | `end`           | an exchange is over                             | `kind` and `code` of the error, if any      |
 * | `close`         | the connection is closed                        | `kind` and `code` of the error, if any      |
 *
 * The trace may be shown around: it holds no header fields, no paths, no content, and of errors only their kinds and
 * codes, for messages quote what was received.
 */
import type { FrameFacts, HttpError, Observer } from "@sluice/core";

export interface WireLogOptions {
  /** A clock in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
  /** The name of the connection, for traces of several in one place. Default: none. */
  readonly connection?: string;
}

/**
 * An observer that traces one connection, of any version of HTTP. `write` takes one line at a time, without the line
 * break. Times are milliseconds since the call of this function, rounded to microseconds.
 */
export function wireLog(write: (line: string) => void, options: WireLogOptions = {}): Observer {
  const { now = () => performance.now(), connection } = options;
  const start = now();
  const log = (ev: string, facts: object): void => {
    const t = rounded(now() - start);
    write(JSON.stringify(connection === undefined ? { t, ev, ...facts } : { t, c: connection, ev, ...facts }));
  };
  return {
    requestStarted: ({ method, target }) => log("request", { method, scheme: target.scheme }),
    informational: (_request, status) => log("interim", { status }),
    responseStarted: (_request, { status }) => log("response", { status }),
    exchangeEnded: (_request, error) => log("end", errorFacts(error)),
    connectionClosed: (error) => log("close", errorFacts(error)),
    frameReceived: (frame) => log("in", frameLine(frame)),
    frameSent: (frame) => log("out", frameLine(frame)),
    streamChanged: (stream, from, to) => log("stream", { stream, from, to }),
    stalled: (stream, by) => log("stall", { stream, by }),
    defenceCounted: (name, count) => log("defence", { name, count }),
    pingAnswered: (rttMs) => log("ping", { rtt: rounded(rttMs) }),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function errorFacts(error: HttpError | undefined): object {
  return error === undefined ? {} : { kind: error.kind, code: error.code };
}

function frameLine({ type, streamId, flags, length, ...details }: FrameFacts): object {
  return { type, stream: streamId, flags, length, ...details };
}
