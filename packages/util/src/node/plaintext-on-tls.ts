/**
 * Somebody who speaks HTTP without TLS to a port that wants TLS: how the first bytes give it away, and what is answered.
 *
 * A TLS connection begins with a handshake record, whose first byte is 0x16 (RFC 8446 5.1); a request begins with a
 * method, a token and a space (RFC 9112 3). No token character is 0x16, so one byte tells the two apart, and a plain
 * HTTP/2 preface (RFC 9113 3.4), which begins with the method `PRI`, is a request like any other.
 */
import type { Socket } from "node:net";

/** What a connection to a TLS port begins with; `short` asks for more bytes. */
export type Opening = "tls" | "http" | "other" | "short";

const handshakeRecord = 0x16;
const space = 0x20;
/** Longer than any registered method (`UPDATEREDIRECTREF`, 17); bounds how much is looked at. */
const maxMethodBytes = 32;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/;

export function openingOf(bytes: Uint8Array): Opening {
  if (bytes.length === 0) return "short";
  if (bytes[0] === handshakeRecord) return "tls";
  const start = bytes.subarray(0, maxMethodBytes + 1);
  const end = start.indexOf(space);
  const method = String.fromCharCode(...(end === -1 ? start : start.subarray(0, end)));
  if (!token.test(method) || end === 0) return "other";
  if (end > 0) return "http";
  return start.length > maxMethodBytes ? "other" : "short";
}

const sentence = "This port expects TLS, but the request came in plain text: use https instead of http.\n";

const answer =
  "HTTP/1.1 400 Bad Request\r\n" +
  "connection: close\r\n" +
  "content-type: text/plain; charset=utf-8\r\n" +
  `content-length: ${sentence.length}\r\n\r\n${sentence}`;

/**
 * Answers 400 and ends the writing side. What the client still sends is read and thrown away, because closing a socket
 * with unread bytes resets the connection, and a reset may overtake the answer (RFC 9112 9.6). The socket destroys
 * itself when the client has ended too; for one that never does, the caller keeps a time limit.
 */
export function refusePlaintext(socket: Socket): void {
  socket.once("end", () => socket.destroySoon());
  socket.end(answer, "latin1");
  socket.resume();
}
