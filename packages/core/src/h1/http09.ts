/**
 * HTTP/0.9 responses: no status line, no header section, content until the end of the connection.
 */
import type { ReadBuffer } from "../bytes/read-buffer.ts";

const anyVersion = "HTTP/";

/** Whether what comes is no status line; `undefined` while there is too little of it to tell. */
export function isHttp09(input: ReadBuffer): boolean | undefined {
  const { bytes, start, length } = input;
  for (let i = 0; i < Math.min(length, anyVersion.length); i++) {
    if (bytes[start + i] !== anyVersion.charCodeAt(i)) return true;
  }
  return length < anyVersion.length ? undefined : false;
}
