// What every client here does: exchanges on 50 connections, one at a time on each, for some seconds.
// `node CLIENT.mjs PORT SECONDS` prints one line of JSON, with the processor time it took.

export const connections = 50;
const warmUpMs = 500;

export function configuration() {
  const [port, seconds] = process.argv.slice(2).map(Number);
  return { port, seconds };
}

/** @param exchange Makes one exchange on the connection with the given number and gives the length of the content. */
export async function run(seconds, exchange) {
  let requests = 0;
  let errors = 0;
  let over = false;
  const loop = async (connection) => {
    while (!over) {
      try {
        if ((await exchange(connection)) === 13) requests++;
        else errors++;
      } catch {
        errors++;
        if (errors > 1000) return;
      }
    }
  };
  const loops = Array.from({ length: connections }, (_, i) => loop(i));
  await new Promise((resolve) => setTimeout(resolve, warmUpMs));
  requests = 0;
  const start = performance.now();
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { user, system } = process.cpuUsage(before);
  const measured = { requests, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  over = true;
  await Promise.all(loops);
  console.log(JSON.stringify({ ...measured, errors }));
  process.exit();
}
