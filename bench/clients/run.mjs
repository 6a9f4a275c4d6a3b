// What every client here does: exchanges, some at a time, for some seconds; on HTTP/1.1 on 50 connections, one at a time on
// each. `node CLIENT.mjs PORT SECONDS` prints one line of JSON, with the processor time it took. Those of HTTP/2 take the
// service of the server as third argument.

export const connections = 50;
const warmUpMs = 500;
/** By service: how many exchanges at a time on HTTP/2's one connection, and the length of the content of a response. */
export const exchanges = {
  hello: { concurrency: 100, length: 13 },
  mib: { concurrency: 4, length: 1_048_576 },
  size: { concurrency: 4, length: 7 },
};

export function configuration() {
  const [port, seconds] = process.argv.slice(2, 4).map(Number);
  return { port, seconds, service: process.argv[4] ?? "hello" };
}

/** @param exchange Makes one exchange, of those at a time the one with the given number, and gives the content's length. */
export async function run(seconds, exchange, { concurrency, length } = { concurrency: connections, length: 13 }) {
  let requests = 0;
  let errors = 0;
  let over = false;
  const loop = async (connection) => {
    while (!over) {
      try {
        if ((await exchange(connection)) === length) requests++;
        else errors++;
      } catch {
        errors++;
        if (errors > 1000) return;
      }
    }
  };
  const loops = Array.from({ length: concurrency }, (_, i) => loop(i));
  await new Promise((resolve) => setTimeout(resolve, warmUpMs));
  requests = 0;
  const start = performance.now();
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { user, system } = process.cpuUsage(before);
  const measured = { requests, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  over = true;
  if (requests === 0) errors++;
  await Promise.all(loops);
  console.log(JSON.stringify({ ...measured, errors }));
  process.exit();
}
