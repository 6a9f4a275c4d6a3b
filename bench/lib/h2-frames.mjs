// Just enough of HTTP/2 for loads that write it by hand: frames, two requests, and a reader (RFC 9113 section 4).

export const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE] = [0, 1, 3, 4, 6, 7, 8];
const headerLength = 9;
const maxWindow = 2 ** 31 - 1;
const defaultWindow = 65_535;

function frame(type, flags, streamId, payload) {
  const octets = Buffer.alloc(headerLength + payload.length);
  octets.writeUIntBE(payload.length, 0, 3);
  octets[3] = type;
  octets[4] = flags;
  octets.writeUInt32BE(streamId, 5);
  octets.set(payload, headerLength);
  return octets;
}

function windowUpdate(increment) {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(WINDOW_UPDATE, 0, 0, payload);
}

/** The preface, and a window for the connection that lasts for 2 GiB of content. */
export const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(SETTINGS, 0, 0, Buffer.alloc(0)),
  windowUpdate(maxWindow - defaultWindow),
]);

const host = "127.0.0.1";
/** By RFC 7541 appendix A: the method, `:scheme: http`, `:path: /`, and `:authority` as a literal without indexing. */
const fieldBlock = (method) => Buffer.from([method, 0x86, 0x84, 0x01, host.length, ...Buffer.from(host)]);
const getFields = fieldBlock(0x82);
const postFields = fieldBlock(0x83);

/** A whole GET request of `/`. */
export function get(streamId) {
  return frame(HEADERS, END_HEADERS | END_STREAM, streamId, getFields);
}

/** The head of a POST request of `/`, whose content is still to come. */
export function openPost(streamId) {
  return frame(HEADERS, END_HEADERS, streamId, postFields);
}

/**
 * One side of a connection that answers what has to be answered. A handler has `ended(streamId)` for each response that is
 * complete, `acknowledged()` for the acknowledgment of our SETTINGS, and `failed(text)`.
 */
export class FrameReader {
  #socket;
  #handler;
  #kept = Buffer.alloc(0);

  constructor(socket, handler) {
    this.#socket = socket;
    this.#handler = handler;
  }

  read(chunk) {
    const input = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    let at = 0;
    while (input.length - at >= headerLength) {
      const end = at + headerLength + input.readUIntBE(at, 3);
      if (end > input.length) break;
      this.#take(input[at + 3], input[at + 4], input.readUInt32BE(at + 5), input.subarray(at + headerLength, end));
      at = end;
    }
    this.#kept = input.subarray(at);
  }

  #take(type, flags, streamId, payload) {
    if (type === DATA || type === HEADERS) {
      if ((flags & END_STREAM) !== 0) this.#handler.ended(streamId);
    } else if (type === SETTINGS) {
      if ((flags & ACK) !== 0) this.#handler.acknowledged();
      else this.#socket.write(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
    } else if (type === PING) {
      if ((flags & ACK) === 0) this.#socket.write(frame(PING, ACK, 0, payload));
    } else if (type === RST_STREAM) {
      this.#handler.failed(`RST_STREAM of stream ${streamId} with ${payload.readUInt32BE(0)}`);
    } else if (type === GOAWAY) {
      this.#handler.failed(`GOAWAY with ${payload.readUInt32BE(4)}: ${payload.latin1Slice(8)}`);
    }
  }
}
