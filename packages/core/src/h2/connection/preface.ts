/**
 * What a client sends before its first frame (RFC 9113 section 3.4): octets that no HTTP/1 server takes for a request.
 */

import { decodeLatin1 } from "../../bytes/latin1.ts";
import { quote } from "../../error.ts";
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import { connectionError } from "../http2-error.ts";

const text = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** The connection preface of a client, without the SETTINGS frame behind it. */
export const clientPreface: Uint8Array = Uint8Array.from(text, (char) => char.charCodeAt(0));

export class PrefaceReader {
  #seen = 0;

  get isComplete(): boolean {
    return this.#seen === clientPreface.length;
  }

  /** Whether some of it has come, and not all. */
  get isPartial(): boolean {
    return this.#seen > 0 && !this.isComplete;
  }

  /** Takes the preface off a chunk; returns the rest. @throws Http2Error for anything else. */
  take(chunk: Uint8Array): Uint8Array {
    const count = Math.min(clientPreface.length - this.#seen, chunk.length);
    for (let i = 0; i < count; i++) {
      if (chunk[i] === clientPreface[this.#seen + i]) continue;
      const got = quote(decodeLatin1(chunk, 0, Math.min(chunk.length, clientPreface.length)));
      const message = `the connection must start with the client preface, got ${got} (RFC 9113 3.4)`;
      throw connectionError(PROTOCOL_ERROR, "PREFACE_INVALID", message);
    }
    this.#seen += count;
    return chunk.subarray(count);
  }
}
