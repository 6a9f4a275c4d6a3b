// The exchanges over HTTP/1.1.

import { curl } from "./command.mjs";
import { content, echoed, greeting, ranCommand } from "./outcome.mjs";
import { checksum } from "./payload.mjs";
import { refused } from "./raw-socket.mjs";
import { withHttp1 } from "./sluice-client.mjs";
import { sluiceExchanges, sluiceRow } from "./sluice-exchanges.mjs";

const greetingLength = String(greeting.length);

export function http1Exchanges({ port, origin }) {
  const lend = (use) => withHttp1(port, use);
  return [
    ...sluiceExchanges(lend),
    sluiceRow(lend, "upgrade to an echo", async (client) => {
      const { status, text } = await client.upgrade("/upgrade", "there and back");
      return { result: `${status}, "${text}"`, bytes: text.length, ok: status === 101 && text === "there and back" };
    }),
    ...fetchRows(origin),
    ...curlRows(origin),
    {
      who: "raw socket",
      what: "Transfer-Encoding with Content-Length",
      exchange: () => refused(port),
    },
  ];
}

function fetchRows(origin) {
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
      const body = new Blob([content]).stream();
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

function curlRows(origin) {
  const row = (what, args, judge, input) => ({
    who: "curl",
    what,
    exchange: async () => ranCommand("curl", await curl(args, input), judge),
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
      content,
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
