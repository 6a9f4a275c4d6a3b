// npm run demo: a Sluice server on this machine, and what three clients and a smuggler get from it.
// npm run demo -- --serve [--port N]: the server alone, with commands to try, until Ctrl-C.

import { parseArgs } from "node:util";
import { exchanges } from "./exchanges.mjs";
import { startServer } from "./server.mjs";
import { header, line } from "./table.mjs";

const { values: options } = parseArgs({
  options: { serve: { type: "boolean", default: false }, port: { type: "string", default: "0" } },
});

const server = await startServer(Number(options.port));
if (options.serve) await serve();
else process.exitCode = (await show()) ? 0 : 1;

/** Makes all exchanges, one row each; true if all went as they should. */
async function show() {
  const rows = exchanges(server);
  const widths = [
    Math.max(...rows.map(({ who }) => who.length)),
    Math.max(...rows.map(({ what }) => what.length)),
    32,
    9,
    4,
  ];
  console.log(`Sluice listens on ${server.origin}\n`);
  console.log(header(["who", "what", "result", "bytes", "ok"], widths));
  let expected = 0;
  let skipped = 0;
  for (const { who, what, exchange } of rows) {
    const outcome = await exchange().catch((error) => ({ ok: false, result: String(error.cause ?? error) }));
    if (outcome.skipped) skipped++;
    else if (outcome.ok) expected++;
    const ok = outcome.skipped ? "-" : outcome.ok ? "yes" : "NO";
    console.log(line([who, what, outcome.result, outcome.bytes?.toLocaleString("en") ?? "", ok], widths));
  }
  const summary = await server.stop();
  const note = skipped > 0 ? `, ${skipped} skipped: curl is not installed` : "";
  console.log(`\n${expected} of ${rows.length - skipped} exchanges as expected${note}`);
  console.log(`graceful shutdown: ${summary}`);
  return expected === rows.length - skipped;
}

async function serve() {
  const { origin } = server;
  console.log(`Sluice listens on ${origin} until Ctrl-C. To try:

  curl -i ${origin}/
  curl -I ${origin}/
  curl -i -d 'some content' ${origin}/echo
  head -c 8388608 /dev/zero | curl -s -T - ${origin}/echo | wc -c
  curl --raw -i -H 'TE: trailers' -H 'Connection: TE' ${origin}/trailers
  curl -i ${origin}/early
  curl -i -H 'Connection: Upgrade' -H 'Upgrade: websocket' ${origin}/upgrade
  printf 'POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n' | curl -s telnet://${origin.slice(7)}
`);
  await new Promise((resolve) => {
    // Ctrl-C comes twice: from the terminal and from `npm run demo`.
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, resolve);
  });
  console.log(`\ngraceful shutdown: ${await server.stop()}`);
}
