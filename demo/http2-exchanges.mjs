// The exchanges over HTTP/2.

import { certificate, certificateFile } from "./certificate.mjs";
import { curl, curlLacks, nghttp } from "./command.mjs";
import { converseOn, fetchOn, fetchWithPushes, withSession } from "./node-client.mjs";
import { content, echoed, greeting, ranCommand, skipped } from "./outcome.mjs";
import { checksum } from "./payload.mjs";
import { flood } from "./rapid-reset.mjs";
import { withH2c, withTls } from "./sluice-client.mjs";
import { sluiceExchanges, sluiceRow } from "./sluice-exchanges.mjs";

const words = ["a", "b", "c"];
const conversation = "> a < a > b < b > c < c";

/** In the clear, with a client that knows beforehand what the server speaks. */
export function clearExchanges({ port, origin }) {
  const lend = (use) => withH2c(port, use);
  return [
    ...sluiceExchanges(lend),
    sluiceRow(lend, "100 requests at once, one connection", hundredAtOnce),
    sluiceRow(lend, "bidirectional stream", async (client) => conversed(await client.converse(words))),
    ...nodeRows(origin),
    ...curlRows("--http2-prior-knowledge", [], origin),
    {
      who: "nghttp",
      what: "a page with a push",
      exchange: async () => ranCommand("nghttp", await nghttp(["-nv", `${origin}/page`]), pushLogged),
    },
    { who: "raw socket", what: "rapid reset, others go on", exchange: () => flooded(port) },
  ];
}

/** Over TLS, where the client offers what it speaks and the server chooses (RFC 7301). */
export function tlsExchanges({ port, origin }) {
  const sluice = (what, protocols, expected) => ({
    who: "Sluice client",
    what,
    exchange: () =>
      withTls(port, protocols, async (client, socket) => {
        const { version, text } = await client.get("/");
        const result = `${version} over ${socket.getProtocol()}, the greeting`;
        return { result, bytes: text.length, ok: version === expected && text === greeting };
      }),
  });
  return [
    sluice("GET, offers h2 and http/1.1", ["h2", "http/1.1"], "HTTP/2"),
    sluice("GET, offers http/1.1", ["http/1.1"], "HTTP/1.1"),
    {
      who: "node:http2",
      what: "GET",
      exchange: () =>
        withSession(origin, { ca: certificate }, async (session) => {
          const { status, content: bytes } = await fetchOn(session, { ":path": "/" });
          const result = `${status}, the greeting, by ${session.alpnProtocol}`;
          return { result, bytes: bytes.length, ok: session.alpnProtocol === "h2" && bytes.toString() === greeting };
        }),
    },
    ...curlRows("--http2", ["--cacert", certificateFile], origin),
  ];
}

async function hundredAtOnce({ get, connection }) {
  const answers = await Promise.all(Array.from({ length: 100 }, () => get("/later")));
  const good = answers.filter(({ status, text }) => status === 200 && text === "later\n");
  const { peakLocal } = connection.streams;
  return {
    result: `${good.length} times 200, peak ${peakLocal} streams`,
    bytes: answers.reduce((sum, { text }) => sum + text.length, 0),
    ok: good.length === 100 && peakLocal === 100,
  };
}

function conversed(said) {
  const result = said.join(" ");
  return { result, bytes: words.join("").length, ok: result === conversation };
}

function nodeRows(origin) {
  const row = (what, exchange) => ({
    who: "node:http2",
    what,
    exchange: () => withSession(origin, {}, exchange),
  });
  return [
    row("GET", async (session) => {
      const { status, content: bytes } = await fetchOn(session, { ":path": "/" });
      return { result: `${status}, the greeting`, bytes: bytes.length, ok: bytes.toString() === greeting };
    }),
    row("POST 8 MiB, streamed both ways", async (session) => {
      const { content: bytes } = await fetchOn(session, { ":path": "/echo" }, content);
      return echoed(bytes.length, checksum(bytes));
    }),
    row("content with trailers", async (session) => {
      const { content: bytes, trailers } = await fetchOn(session, { ":path": "/trailers", te: "trailers" });
      const sum = trailers?.["x-checksum"];
      return { result: `trailer x-checksum: ${sum}`, bytes: bytes.length, ok: sum === "11e60398" };
    }),
    row("103, then 200", async (session) => {
      const { status, informational, content: bytes } = await fetchOn(session, { ":path": "/early" });
      const seen = [...informational, status].join(", then ");
      return { result: seen, bytes: bytes.length, ok: seen === "103, then 200" && bytes.toString() === "late\n" };
    }),
    row("bidirectional stream", async (session) => conversed(await converseOn(session, "/echo", words))),
    row("a page with a push", async (session) => {
      const { status, content: page, pushes } = await fetchWithPushes(session, "/page");
      const pushed = pushes.map(({ path, status: of }) => `${path} ${of}`).join(", ");
      return {
        result: `${status}, pushed ${pushed}`,
        bytes: pushes.reduce((sum, { content: bytes }) => sum + bytes.length, page.length),
        ok: status === 200 && pushed === "/style.css 200",
      };
    }),
  ];
}

/** @param how The option that asks for HTTP/2. */
function curlRows(how, trust, origin) {
  const row = (what, args, judge, input) => ({
    who: "curl",
    what,
    exchange: async () => {
      if (await curlLacks("HTTP2")) return skipped("this curl has no HTTP/2");
      return ranCommand("curl", await curl([how, ...trust, ...args], input), judge);
    },
  });
  return [
    row("GET", ["--include", origin], (stdout) => {
      const [head, text] = stdout.toString().split("\r\n\r\n");
      return {
        result: `${head.slice(0, 10)}, the greeting`,
        bytes: text.length,
        ok: /^HTTP\/2 200/.test(head) && text === greeting,
      };
    }),
    row(
      "POST 8 MiB, streamed both ways",
      ["--upload-file", "-", `${origin}/echo`],
      (stdout) => echoed(stdout.length, checksum(stdout)),
      content,
    ),
  ];
}

/** Judges what `nghttp -v` tells of the frames it received. */
function pushLogged(stdout) {
  const frames = [...stdout.toString().matchAll(/recv (\w+) frame <.*stream_id=(\d+)>/g)];
  const promised = frames.some(([, type]) => type === "PUSH_PROMISE");
  const pushed = frames.filter(([, , stream]) => stream === "2").map(([, type]) => type);
  const result = promised ? `PUSH_PROMISE, ${pushed.join(", ")}` : "no PUSH_PROMISE";
  return { result, ok: result === "PUSH_PROMISE, HEADERS, DATA" };
}

/** A flood on one connection, while another is served. */
async function flooded(port) {
  let over = false;
  const others = withH2c(port, async ({ get }) => {
    let served = 0;
    // The last time, the flood has been stopped already.
    for (let last = false; !last; served++) {
      last = over;
      const { text } = await get("/");
      if (text !== greeting) throw new Error("another connection noticed");
    }
    return served;
  });
  const flooding = flood(port).finally(() => {
    over = true;
  });
  const [{ code, reason }, served] = await Promise.all([flooding, others]);
  const name = reason.split(":")[0];
  return {
    result: `GOAWAY ${code} ${name}`,
    ok: code === "ENHANCE_YOUR_CALM" && name === "too_many_resets" && served > 1,
  };
}
