// A smuggling attempt: a request with two framings, and another one hidden where they disagree (RFC 9112 11.2).

import { connect } from "node:net";

const hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
const attempt = [
  "POST / HTTP/1.1",
  "Host: a",
  `Content-Length: ${5 + hidden.length}`,
  "Transfer-Encoding: chunked",
  "",
  `0\r\n\r\n${hidden}`,
].join("\r\n");

/** Sends it and reads until the server closes, for two seconds at most. */
export async function refused(port) {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setTimeout(2_000, () => socket.destroy(new Error("the connection was left open")));
  socket.write(attempt);
  let received = "";
  for await (const chunk of socket) received += chunk;
  const statuses = [...received.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status).join(", ");
  return {
    result: `${statuses} and closed`,
    bytes: received.length,
    ok: statuses === "400" && /\r\nconnection: close\r\n/.test(received),
  };
}
