// npm run demo: Sluice servers on this machine, and what several clients, a smuggler and a flood get from them.
// npm run demo -- --serve [--port N] [--tls-port N]: the servers alone, with commands to try, until Ctrl-C.

import { parseArgs } from "node:util";
import { certificateFile } from "./certificate.mjs";
import { tables } from "./exchanges.mjs";
import { startServers } from "./server.mjs";
import { header, line } from "./table.mjs";

const port = { type: "string", default: "0" };
const { values: options } = parseArgs({
  options: { serve: { type: "boolean", default: false }, port, "tls-port": port },
});

const servers = await startServers({ clear: Number(options.port), tls: Number(options["tls-port"]) });
if (options.serve) await serve();
else process.exitCode = (await show()) ? 0 : 1;

/** Makes all exchanges, one row each; true if all went as they should. */
async function show() {
  const shown = tables(servers);
  const rows = shown.flatMap((table) => table.rows);
  const widths = [
    Math.max(...rows.map(({ who }) => who.length)),
    Math.max(...rows.map(({ what }) => what.length)),
    40,
    9,
    4,
  ];
  let expected = 0;
  const skipped = [];
  for (const { title, rows: exchanges } of shown) {
    console.log(`${title}\n`);
    console.log(header(["who", "what", "result", "bytes", "ok"], widths));
    for (const { who, what, exchange } of exchanges) {
      const outcome = await exchange().catch((error) => ({ ok: false, result: String(error.cause ?? error) }));
      if (outcome.skipped) skipped.push(outcome.skipped);
      else if (outcome.ok) expected++;
      const ok = outcome.skipped ? "-" : outcome.ok ? "yes" : "NO";
      console.log(line([who, what, outcome.result, outcome.bytes?.toLocaleString("en") ?? "", ok], widths));
    }
    console.log();
  }
  const summary = await servers.stop();
  const made = rows.length - skipped.length;
  const note = skipped.length > 0 ? `, ${skipped.length} skipped: ${[...new Set(skipped)].join(", ")}` : "";
  console.log(`${expected} of ${made} exchanges as expected${note}`);
  console.log(`graceful shutdown: ${summary}`);
  return expected === made;
}

async function serve() {
  const { origin } = servers.clear;
  const tls = servers.tls.origin;
  console.log(`Sluice listens on ${origin} until Ctrl-C. To try:

  curl -i ${origin}/
  curl -I ${origin}/
  curl -i -d 'some content' ${origin}/echo
  head -c 8388608 /dev/zero | curl -s -T - ${origin}/echo | wc -c
  curl --raw -i -H 'TE: trailers' -H 'Connection: TE' ${origin}/trailers
  curl -i ${origin}/early
  curl -i -H 'Connection: Upgrade' -H 'Upgrade: websocket' ${origin}/upgrade
  printf 'POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n' | curl -s telnet://${origin.slice(7)}

for HTTP/2 with prior knowledge, on the same port:

  curl -i --http2-prior-knowledge ${origin}/early
  head -c 8388608 /dev/zero | curl -s --http2-prior-knowledge -T - ${origin}/echo | wc -c
  nghttp -nv ${origin}/page
  h2load -n 10000 -c 1 -m 100 ${origin}/

and over TLS on ${tls}, where the client has its choice:

  curl -i --cacert ${certificateFile} ${tls}/
  curl -i --cacert ${certificateFile} --http1.1 ${tls}/
`);
  await new Promise((resolve) => {
    // Ctrl-C comes twice: from the terminal and from `npm run demo`.
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, resolve);
  });
  console.log(`\ngraceful shutdown: ${await servers.stop()}`);
}
