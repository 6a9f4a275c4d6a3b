// What a Sluice client gets over either version of HTTP.

import { content, echoed, greeting } from "./outcome.mjs";

const greetingLength = String(greeting.length);

/** A row for a client that `lend` lends. */
export function sluiceRow(lend, what, exchange) {
  return { who: "Sluice client", what, exchange: () => lend(exchange) };
}

/** @param lend Calls what it is given with a client on a connection of its own. */
export function sluiceExchanges(lend) {
  const row = (what, exchange) => sluiceRow(lend, what, exchange);
  return [
    row("GET", async (client) => {
      const { status, text } = await client.get("/");
      return { result: `${status}, the greeting`, bytes: text.length, ok: status === 200 && text === greeting };
    }),
    row("HEAD", async (client) => {
      const { status, length, text } = await client.head("/");
      return {
        result: `${status}, content-length ${length}`,
        bytes: text.length,
        ok: length === greetingLength && text === "",
      };
    }),
    row("POST 8 MiB, streamed both ways", async (client) => {
      const { bytes, sha256 } = await client.echo(content);
      return echoed(bytes, sha256);
    }),
    row("content with trailers", async (client) => {
      const { text, trailers } = await client.get("/trailers", { te: "trailers" });
      return {
        result: `trailer x-checksum: ${trailers?.get("x-checksum")}`,
        bytes: text.length,
        ok: text === "so far so good\n" && trailers?.get("x-checksum") === "11e60398",
      };
    }),
    row("103, then 200", async (client) => {
      const { status, informational, text } = await client.get("/early");
      const seen = [...informational, status].join(", then ");
      return { result: seen, bytes: text.length, ok: seen === "103, then 200" && text === "late\n" };
    }),
  ];
}
