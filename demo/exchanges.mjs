// What the demo shows: each exchange with what it should come to.

import { curl } from "./curl.mjs";
import { checksum, payload } from "./payload.mjs";
import { refused } from "./raw-socket.mjs";
import { greeting } from "./server.mjs";
import { withClient } from "./sluice-client.mjs";

const size = 8 * 1_048_576;
const greetingLength = String(greeting.length);

/** The rows of the table, in order. */
export function exchanges(server) {
  const expected = checksum(payload(size));
  const echoed = (bytes, sha256) => ({
    result: `${sha256 === expected ? "same" : "DIFFERENT"} SHA-256 ${sha256.slice(0, 8)}...`,
    bytes,
    ok: bytes === size && sha256 === expected,
  });
  return [
    ...sluiceRows(server, echoed),
    ...fetchRows(server.origin, echoed),
    ...curlRows(server.origin, echoed),
    {
      who: "raw socket",
      what: "Transfer-Encoding with Content-Length",
      exchange: () => refused(server.port),
    },
  ];
}

function sluiceRows({ port }, echoed) {
  const row = (what, exchange) => ({ who: "Sluice client", what, exchange: () => withClient(port, exchange) });
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
      const { bytes, sha256 } = await client.echo(payload(size));
      return echoed(bytes, sha256);
    }),
    row("chunks with trailers", async (client) => {
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
    row("upgrade to an echo", async (client) => {
      const { status, text } = await client.upgrade("/upgrade", "there and back");
      return { result: `${status}, "${text}"`, bytes: text.length, ok: status === 101 && text === "there and back" };
    }),
  ];
}

function fetchRows(origin, echoed) {
  const row = (what, exchange) => ({ who: "Node fetch", what, exchange });
  return [
    row("GET", async () => {
      const response = await fetch(origin);
      const text = await response.text();
      return { result: `${response.status}, the greeting`, bytes: text.length, ok: text === greeting };
    }),
    row("HEAD", async () => {
      const response = await fetch(origin, { method: "HEAD" });
      const length = response.headers.get("content-length");
      const text = await response.text();
      return {
        result: `${response.status}, content-length ${length}`,
        bytes: text.length,
        ok: length === greetingLength && text === "",
      };
    }),
    row("POST 8 MiB, streamed both ways", async () => {
      const body = new Blob([payload(size)]).stream();
      const response = await fetch(`${origin}/echo`, { method: "POST", body, duplex: "half" });
      const bytes = new Uint8Array(await response.arrayBuffer());
      return echoed(bytes.length, checksum(bytes));
    }),
    row("chunks", async () => {
      const text = await (await fetch(`${origin}/trailers`)).text();
      return { result: "200, in one piece again", bytes: text.length, ok: text === "so far so good\n" };
    }),
    row("103, then 200", async () => {
      const response = await fetch(`${origin}/early`);
      const text = await response.text();
      return {
        result: `${response.status} (fetch keeps 103 to itself)`,
        bytes: text.length,
        ok: response.status === 200 && text === "late\n",
      };
    }),
  ];
}

function curlRows(origin, echoed) {
  const row = (what, args, judge, input) => ({
    who: "curl",
    what,
    exchange: async () => {
      const outcome = await curl(args, input);
      if (outcome === undefined) return { skipped: true, result: "skipped: curl is not installed" };
      if (outcome.code === 0) return judge(outcome.stdout);
      return { result: `exit code ${outcome.code}: ${outcome.stderr.trim()}`, ok: false };
    },
  });
  return [
    row("GET", [origin], (stdout) => ({
      result: "the greeting",
      bytes: stdout.length,
      ok: stdout.toString() === greeting,
    })),
    row("HEAD", ["--head", origin], (stdout) => {
      const length = /^content-length: (.*)\r$/m.exec(stdout.toString())?.[1];
      return { result: `content-length ${length}`, bytes: 0, ok: length === greetingLength };
    }),
    row(
      "POST 8 MiB, streamed both ways",
      ["--upload-file", "-", `${origin}/echo`],
      (stdout) => echoed(stdout.length, checksum(stdout)),
      payload(size),
    ),
    row(
      "chunks with trailers",
      ["--raw", "--header", "TE: trailers", "--header", "Connection: TE", `${origin}/trailers`],
      (stdout) => {
        const trailer = /\r\n0\r\n(.*)\r\n\r\n$/.exec(stdout.toString())?.[1];
        return { result: `trailer ${trailer}`, bytes: stdout.length, ok: trailer === "x-checksum: 11e60398" };
      },
    ),
    row("103, then 200", ["--include", `${origin}/early`], (stdout) => {
      const seen = [...stdout.toString().matchAll(/^HTTP\/1.1 (\d+)/gm)].map(([, status]) => status).join(", then ");
      return { result: seen, bytes: 5, ok: seen === "103, then 200" && stdout.toString().endsWith("\r\n\r\nlate\n") };
    }),
  ];
}
