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
 *
 * Two options say more, for a trace that is drawn (`sluice-trace`) and read by those who may see it:
 *
 * | option  | `ev`                  | with                                                                        |
 * | ------- | --------------------- | --------------------------------------------------------------------------- |
 * | `heads` | `request`             | `exchange`, its number on the connection; `stream` on HTTP/2; `authority`, `path`, `fields` |
 * | `heads` | `interim`, `response` | `exchange`; `fields`                                                        |
 * | `heads` | `end`                 | `exchange`                                                                  |
 * | `bytes` | `read`, `write`       | `bytes` that came from the transport, or were handed to it                  |
 *
 * `fields` is a list of `[name, value]`. Values that are marked as sensitive, and those of fields that give access to
 * something (`authorization`, `cookie`, `set-cookie`, names with `token`, and others: `log-heads.ts`) are `[sensitive]`.
 * Queries are `?[query]`, in paths and in fields that hold a URI. Content is never logged.
 */
import type { FrameFacts, HttpError, HttpRequest, Observer } from "@sluice/core";
import { flagOption } from "../options.ts";
import { Exchanges, loggedFields, requestHead } from "./log-heads.ts";

/** What a trace shows, and where it goes. */
export interface WireLogOptions {
  /** A clock in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
  /** The name of the connection, for traces of several in one place. Default: none. */
  readonly connection?: string;
  /** The reading of `now` that is time 0, so that several traces share a time line. Default: `now()` at the call. */
  readonly origin?: number;
  /** Also numbers of exchanges, their streams, paths and fields, without secrets as said above. Default: false. */
  readonly heads?: boolean;
  /** Also how many bytes were read and written at a time. Default: false. */
  readonly bytes?: boolean;
}

/**
 * An observer that traces one connection, of any version of HTTP. `write` takes one line at a time, without the line
 * break. Times are milliseconds since `origin`, rounded to microseconds.
 *
 * @throws TypeError if `heads` or `bytes` is no boolean; RangeError if `origin` is not a finite number.
 */
export function wireLog(write: (line: string) => void, options: WireLogOptions = {}): Observer {
  const { now = () => performance.now(), connection, origin = now() } = options;
  if (!Number.isFinite(origin)) throw new RangeError(`wireLog: origin must be a finite number, got ${String(origin)}`);
  const heads = flagOption("wireLog", "heads", options.heads, false);
  const bytes = flagOption("wireLog", "bytes", options.bytes, false);
  const log = (ev: string, facts: object): void => {
    const t = rounded(now() - origin);
    write(JSON.stringify(connection === undefined ? { t, ev, ...facts } : { t, c: connection, ev, ...facts }));
  };
  return {
    ...(heads ? withHeads(log) : withoutHeads(log)),
    ...(bytes && {
      bytesRead: (count: number) => log("read", { bytes: count }),
      bytesWritten: (count: number) => log("write", { bytes: count }),
    }),
    connectionClosed: (error) => log("close", errorFacts(error)),
    frameReceived: (frame) => log("in", frameLine(frame)),
    frameSent: (frame) => log("out", frameLine(frame)),
    stalled: (stream, by) => log("stall", { stream, by }),
    defenceCounted: (name, count) => log("defence", { name, count }),
    pingAnswered: (rttMs) => log("ping", { rtt: rounded(rttMs) }),
  };
}

type Log = (ev: string, facts: object) => void;

function withoutHeads(log: Log): Observer {
  return {
    requestStarted: (request) => log("request", requestFacts(request)),
    informational: (_request, status) => log("interim", { status }),
    responseStarted: (_request, { status }) => log("response", { status }),
    exchangeEnded: (_request, error) => log("end", errorFacts(error)),
    streamChanged: (stream, from, to) => log("stream", { stream, from, to }),
  };
}

function withHeads(log: Log): Observer {
  const exchanges = new Exchanges();
  return {
    requestStarted: (request) =>
      log("request", { ...requestFacts(request), ...exchanges.started(request), ...requestHead(request) }),
    informational: (request, status, headers) =>
      log("interim", { status, exchange: exchanges.of(request), fields: loggedFields(headers) }),
    responseStarted: (request, { status, headers }) =>
      log("response", { status, exchange: exchanges.of(request), fields: loggedFields(headers) }),
    exchangeEnded: (request, error) => log("end", { exchange: exchanges.of(request), ...errorFacts(error) }),
    streamChanged(stream, from, to) {
      exchanges.streamChanged(stream, from, to);
      log("stream", { stream, from, to });
    },
  };
}

function requestFacts({ method, target }: HttpRequest): object {
  return { method, scheme: target.scheme };
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
