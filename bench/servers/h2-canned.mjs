// The ceiling: a raw socket that looks at frame headers only and answers each request with the same octets. It decodes no
// field section and lets the client send without limit; for a content of 1 MiB it keeps to the client's flow control.

import { createServer } from "node:net";
import { configuration, contentOf, mib, started } from "./start.mjs";

const { port, service } = configuration({}, ["h2c"]);
if (service === "echo") throw new RangeError("a canned answer is no echo");

const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE] = [0, 1, 3, 4, 6, 8];
const ACK = 0x1;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const headerLength = 9;
const prefaceLength = 24;
const maxFrameLength = 16_384;
const maxWindow = 2 ** 31 - 1;
const defaultWindow = 65_535;
const SETTINGS_INITIAL_WINDOW_SIZE = 4;

// Of an upload it takes the length for granted.
const size = { type: "text/plain", pieces: [Buffer.from(String(mib.length))], length: String(mib.length).length };
const { type: contentType, pieces, length: announced } = service === "size" ? size : contentOf(service);
const contentLength = pieces.reduce((sum, { length }) => sum + length, 0);
const largest = pieces.reduce((a, b) => (a.length < b.length ? b : a), Buffer.alloc(0));
/** Contents up to here leave with their head, whatever the windows: clients of benchmarks open larger ones. */
const maxWholeLength = 8192;
const isWhole = contentLength <= maxWholeLength;
// Indexed :status 200, then literals without indexing: content-type, content-length, date (RFC 7541 appendix A).
const fields = Buffer.concat([
  Buffer.from([0x88]),
  literal(31, contentType),
  announced === undefined ? Buffer.alloc(0) : literal(28, String(announced)),
  literal(33, "Thu, 01 Jan 1970 00:00:00 GMT"),
]);
const head = frame(HEADERS, END_HEADERS, fields);
/** What is streamed keeps its pieces. */
const maxPieceLength = Math.min(maxFrameLength, largest.length);
const answer = isWhole ? Buffer.concat([head, frame(DATA, END_STREAM, Buffer.concat(pieces))]) : head;
const greeting = Buffer.concat([
  frame(SETTINGS, 0, Buffer.from([0, SETTINGS_INITIAL_WINDOW_SIZE, ...uint32(maxWindow)])),
  frame(WINDOW_UPDATE, 0, uint32(maxWindow - defaultWindow)),
]);
const nothing = Buffer.alloc(0);
const settingsAck = frame(SETTINGS, ACK, nothing);
/** After this much content the connection's window is opened again. */
const windowStep = 2 ** 30;

const server = createServer({ noDelay: true }, (socket) => {
  let kept = nothing;
  let toSkip = prefaceLength;
  /** The stream whose request ends with what is skipped; 0 for none. */
  let ending = 0;
  let received = 0;
  const asked = [];
  const sending = new Map();
  let window = defaultWindow;
  let initialWindow = defaultWindow;

  const take = (type, flags, streamId, payload) => {
    if (type === SETTINGS && (flags & ACK) === 0) {
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) !== SETTINGS_INITIAL_WINDOW_SIZE) continue;
        const value = payload.readUInt32BE(at + 2);
        for (const stream of sending.values()) stream.window += value - initialWindow;
        initialWindow = value;
      }
      socket.write(settingsAck);
    } else if (type === PING && (flags & ACK) === 0) {
      socket.write(frame(PING, ACK, payload));
    } else if (type === WINDOW_UPDATE) {
      const increment = payload.readUInt32BE(0);
      const stream = sending.get(streamId);
      if (streamId === 0) window += increment;
      else if (stream !== undefined) stream.window += increment;
    } else if (type === RST_STREAM) {
      sending.delete(streamId);
    }
  };

  const sendContent = () => {
    for (const [streamId, stream] of sending) {
      while (stream.left > 0) {
        const length = Math.min(maxPieceLength, stream.left, stream.window, window);
        if (length <= 0) break;
        stream.left -= length;
        stream.window -= length;
        window -= length;
        socket.write(frameHeader(length, DATA, stream.left === 0 ? END_STREAM : 0, streamId));
        socket.write(largest.subarray(0, length));
      }
      if (stream.left === 0) sending.delete(streamId);
      if (window <= 0) return;
    }
  };

  socket.write(greeting);
  socket.on("data", (chunk) => {
    socket.cork();
    const input = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    let at = 0;
    for (;;) {
      if (toSkip > 0) {
        const skipped = Math.min(toSkip, input.length - at);
        at += skipped;
        toSkip -= skipped;
        if (toSkip > 0) break;
      }
      if (ending > 0) {
        asked.push(ending);
        ending = 0;
      }
      if (input.length - at < headerLength) break;
      const length = input.readUIntBE(at, 3);
      const type = input[at + 3];
      const flags = input[at + 4];
      const streamId = input.readUInt32BE(at + 5);
      if (type === DATA || type === HEADERS) {
        if ((flags & END_STREAM) !== 0) ending = streamId;
        if (type === DATA) received += length;
        toSkip = length;
      } else {
        if (input.length - at < headerLength + length) break;
        take(type, flags, streamId, input.subarray(at + headerLength, at + headerLength + length));
        at += length;
      }
      at += headerLength;
    }
    // Nothing is kept of a chunk that was taken whole: a view would hold all of it.
    kept = at === input.length ? nothing : input.subarray(at);
    if (received > windowStep) {
      socket.write(frame(WINDOW_UPDATE, 0, uint32(received)));
      received = 0;
    }
    if (asked.length > 0) {
      socket.write(answers(asked));
      if (!isWhole) for (const id of asked) sending.set(id, { left: contentLength, window: initialWindow });
      asked.length = 0;
    }
    sendContent();
    socket.uncork();
  });
  socket.on("error", () => socket.destroy());
});
server.listen(port, "127.0.0.1", () => started(server.address().port));

/** The answer once for each stream. */
function answers(streamIds) {
  const octets = Buffer.allocUnsafe(answer.length * streamIds.length);
  let at = 0;
  for (const streamId of streamIds) {
    octets.set(answer, at);
    octets.writeUInt32BE(streamId, at + 5);
    if (answer.length > head.length) octets.writeUInt32BE(streamId, at + head.length + 5);
    at += answer.length;
  }
  return octets;
}

function frame(type, flags, payload) {
  return Buffer.concat([frameHeader(payload.length, type, flags, 0), payload]);
}

function frameHeader(length, type, flags, streamId) {
  const octets = Buffer.allocUnsafe(headerLength);
  octets.writeUIntBE(length, 0, 3);
  octets[3] = type;
  octets[4] = flags;
  octets.writeUInt32BE(streamId, 5);
  return octets;
}

/** A field line whose name is in the static table at an index of 15 or more (RFC 7541 6.2.2). */
function literal(nameIndex, value) {
  return Buffer.concat([Buffer.from([0x0f, nameIndex - 15, value.length]), Buffer.from(value, "latin1")]);
}

function uint32(value) {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}
