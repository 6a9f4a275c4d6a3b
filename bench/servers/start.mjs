// What every server here takes and says: `--port N --protocol h1|h2c|auto --service NAME`, then `listening on N`.
//
// Services: `hello` answers 13 bytes; `json` 2 KiB of JSON; `bytes-N` N bytes, in pieces of at most 64 KiB; `stream` 100 pieces
// of 1 KiB, their sum not announced; `echo` what is uploaded; `size` the count of what is uploaded, once all is there.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

export const hello = Buffer.from("hello, world\n");
export const json = jsonContent(2048);
/** What contents of many bytes are cut from. */
const filler = Buffer.alloc(65_536, "x");
/** What is uploaded. */
export const mib = Buffer.alloc(1_048_576, "x");
export const streamPiece = filler.subarray(0, 1024);
export const streamPieces = 100;
const maxBytes = 2 ** 30;

/**
 * Live objects, some 24 MB, such as any program of some size has. In a process with hardly any, V8 collects the whole heap for
 * each 20 MB or so that is read from sockets, unless it happens to have loaded few modules: which server that hits is chance.
 */
export const ballast = Array.from({ length: 200_000 }, (_, number) => ({ number, text: `number ${number}` }));

/** The pieces of a content of so many bytes. */
export function piecesOf(length) {
  const pieces = Array(Math.floor(length / filler.length)).fill(filler);
  const rest = length % filler.length;
  return rest === 0 ? pieces : [...pieces, filler.subarray(0, rest)];
}

/** The N of `bytes-N`; undefined for another service. */
export function bytesOf(service) {
  const length = /^bytes-(\d{1,10})$/.exec(service)?.[1];
  return length !== undefined && Number(length) <= maxBytes ? Number(length) : undefined;
}

/** What the services answer that need nothing of the request: the pieces, their type, and their sum if it is announced. */
export function contentOf(service) {
  if (service === "hello") return { type: "text/plain", pieces: [hello], length: hello.length };
  if (service === "json") return { type: "application/json", pieces: [json], length: json.length };
  if (service === "stream") return { type: "text/plain", pieces: Array(streamPieces).fill(streamPiece) };
  const length = bytesOf(service);
  if (length === undefined) return undefined;
  return { type: "text/plain", pieces: piecesOf(length), length };
}

export const protocols = ["h1", "h2c", "auto"];

/**
 * The arguments of the program, which speaks `spoken`, the first unless told otherwise; `more` are options, as `parseArgs` has
 * them, that only this one takes. `--tls` is taken by those that speak TLS; `tls` is then a certificate and its key.
 */
export function configuration(more = {}, spoken = ["h1"]) {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "0" },
      protocol: { type: "string", default: spoken[0] },
      service: { type: "string", default: "hello" },
      ...more,
    },
  });
  const { service, protocol } = values;
  const isKnown = service === "echo" || service === "size" || contentOf(service) !== undefined;
  if (!isKnown) throw new RangeError("--service must be hello, json, bytes-N, stream, echo or size");
  if (!spoken.includes(protocol)) throw new RangeError(`--protocol must be ${spoken.join(" or ")}`);
  return { ...values, port: Number(values.port), tls: values.tls === true ? certificate() : undefined };
}

/** For `configuration`: the server speaks TLS if told to. */
export const tlsOption = { tls: { type: "boolean", default: false } };

export const certificateFile = new URL("../../packages/util/test/fixtures/localhost-cert.pem", import.meta.url);
export const keyFile = new URL("../../packages/util/test/fixtures/localhost-key.pem", import.meta.url);

function certificate() {
  return { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
}

const parentCheckMs = 1000;

/**
 * Says where the server listens; from then on it takes requests to end and to say in a line of JSON what memory it uses,
 * after collecting garbage if it has --expose-gc. It ends with whoever started it.
 */
export function started(port) {
  process.on("SIGTERM", () => process.exit(0));
  process.on("SIGUSR2", () => {
    globalThis.gc?.();
    console.log(JSON.stringify(process.memoryUsage()));
  });
  endWithParent();
  console.log(`listening on ${port}`);
}

/** Ends this process once the one that started it is gone. */
export function endWithParent() {
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(1), parentCheckMs).unref();
}

/** JSON of exactly `length` bytes. The servers in Go and Rust make the same. */
function jsonContent(length) {
  const item = (id) => `{"id":${id},"name":"part ${id}","price":${id % 50}.99,"tags":["blue","large"]}`;
  const items = Array.from({ length: 24 }, (_, i) => item(1000 + i));
  const content = `{"items":[${items.join(",")}],"note":"`;
  return Buffer.from(`${content}${"x".repeat(length - content.length - 2)}"}`);
}
