// The frames of a connection as rows: what an observer is told, put together.
//
// Of a frame an observer is told what its header says, and some numbers. Field sections it is told as messages: those of
// requests before their HEADERS frame leaves, those of responses behind the frame that brought them.

/**
 * An observer of a client's connection. `show(row)` is called for each frame, and again when more is known of it. A row is
 * `{ number, ms, sent, type, stream, length, flags, details }`: `ms` since the call of this function, and details are
 * `[name, value]`s.
 */
export function frameLog(show) {
  /** Requests whose HEADERS frame has not left yet. */
  const waiting = [];
  const streams = new Map();
  /** The last row of HEADERS that came in, by stream. */
  const heads = new Map();
  const start = performance.now();
  let number = 0;

  function row(sent, { type, streamId: stream, length, flags, ...facts }) {
    const made = {
      number: ++number,
      ms: performance.now() - start,
      sent,
      type,
      stream,
      length,
      flags,
      details: detailsOf(facts),
    };
    if (type === "HEADERS" && sent && waiting.length > 0) {
      const request = waiting.shift();
      streams.set(request, stream);
      made.details = requestFields(request);
    } else if (type === "HEADERS" && !sent) {
      heads.set(stream, made);
    }
    show(made);
  }

  function head(request, fields) {
    const made = heads.get(streams.get(request));
    if (made === undefined) return;
    made.details = fields;
    show(made);
  }

  return {
    requestStarted: (request) => void waiting.push(request),
    frameSent: (frame) => row(true, frame),
    frameReceived: (frame) => row(false, frame),
    informational: (request, status, headers) => head(request, [[":status", `${status}`], ...headers]),
    responseStarted: (request, { status, headers }) => head(request, [[":status", `${status}`], ...headers]),
    /** Trailers, which only the reader of the body sees. */
    trailers: (request, fields) => head(request, [...fields]),
  };
}

function requestFields({ method, target, headers }) {
  return [
    [":method", method],
    [":scheme", target.scheme],
    [":authority", target.authority],
    [":path", target.pathAndQuery],
    ...headers,
  ];
}

/** Settings by their names, and whatever else there is: `lastStreamId` as `last stream id`. */
function detailsOf({ settings, ...facts }) {
  const inWords = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const details = Object.entries(facts).map(([name, value]) => [inWords(name), String(value)]);
  return [...Object.entries(settings ?? {}).map(([name, value]) => [name, String(value)]), ...details];
}
