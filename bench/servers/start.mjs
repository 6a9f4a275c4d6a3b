// What every server here takes and says: `--port N --service hello|mib|echo|size`, then `listening on N`.

import { parseArgs } from "node:util";

export const hello = Buffer.from("hello, world\n");
/** The content of the service `mib`, in the pieces it is sent in. */
export const piece = Buffer.alloc(65_536, "x");
export const pieces = 16;
/** All of it. */
export const mib = Buffer.alloc(piece.length * pieces, "x");

const services = ["hello", "mib", "echo", "size"];

/** The arguments of the program; `more` are options, as `parseArgs` has them, that only this one takes. */
export function configuration(more = {}) {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "0" }, service: { type: "string", default: "hello" }, ...more },
  });
  if (!services.includes(values.service)) throw new RangeError(`--service must be one of ${services.join(", ")}`);
  return { ...values, port: Number(values.port) };
}

/**
 * Says where the server listens; from then on it takes requests to end and to say in a line of JSON what memory it uses,
 * after collecting garbage if it has --expose-gc.
 */
export function started(port) {
  process.on("SIGTERM", () => process.exit(0));
  process.on("SIGUSR2", () => {
    globalThis.gc?.();
    console.log(JSON.stringify(process.memoryUsage()));
  });
  console.log(`listening on ${port}`);
}
