// What every server here takes and says: `--port N --service hello|mib|echo|size`, then `listening on N`.

import { parseArgs } from "node:util";

export const hello = Buffer.from("hello, world\n");
/** The content of the service `mib`, in the pieces it is sent in. */
export const piece = Buffer.alloc(65_536, "x");
export const pieces = 16;

const services = ["hello", "mib", "echo", "size"];

/** The arguments of the program. */
export function configuration() {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "0" }, service: { type: "string", default: "hello" } },
  });
  if (!services.includes(values.service)) throw new RangeError(`--service must be one of ${services.join(", ")}`);
  return { port: Number(values.port), service: values.service };
}

/** Says where the server listens; from then on it takes requests to end and, with --expose-gc, to collect garbage. */
export function started(port) {
  process.on("SIGTERM", () => process.exit(0));
  process.on("SIGUSR2", () => globalThis.gc?.());
  console.log(`listening on ${port}`);
}
