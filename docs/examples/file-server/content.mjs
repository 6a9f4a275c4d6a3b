// The content of a response: bytes at hand, and bytes that are read from the file when somebody has room for them.

import { randomBytes } from "node:crypto";

const chunkBytes = 65_536;

/**
 * The `pieces` in order, as an iterable that closes the file at its end, whatever that is. By hand and not a generator:
 * one that was never begun would not close anything.
 */
export function contentOf({ handle }, pieces) {
  const left = pieces.slice();
  const done = async () => {
    await handle.close();
    return { done: true, value: undefined };
  };
  return {
    [Symbol.asyncIterator]: () => ({ next, return: done }),
  };
  async function next() {
    const piece = left[0];
    if (piece === undefined) return done();
    if (piece instanceof Uint8Array) return { done: false, value: left.shift() };
    const length = Math.min(chunkBytes, piece.end - piece.start);
    if (length === 0) {
      left.shift();
      return next();
    }
    const { bytesRead, buffer } = await handle.read(new Uint8Array(length), 0, length, piece.start);
    if (bytesRead === 0) {
      await handle.close();
      // The length was promised. The connection, or the stream, is cut, so that nobody takes this for the whole.
      throw new Error("the file has become shorter");
    }
    left[0] = { start: piece.start + bytesRead, end: piece.end };
    return { done: false, value: buffer.subarray(0, bytesRead) };
  }
}

/** The pieces and the type of several ranges at once (RFC 9110 14.6). */
export function multipart(ranges, size, type) {
  const boundary = randomBytes(12).toString("hex");
  const pieces = ranges.flatMap((range, index) => {
    const place = `content-range: bytes ${range.start}-${range.end - 1}/${size}`;
    const before = index === 0 ? "" : "\r\n";
    return [Buffer.from(`${before}--${boundary}\r\ncontent-type: ${type}\r\n${place}\r\n\r\n`), range];
  });
  return [[...pieces, Buffer.from(`\r\n--${boundary}--\r\n`)], `multipart/byteranges; boundary=${boundary}`];
}
