// Files from a folder, whole or in ranges, to clients that may have them already (RFC 9110 sections 13 and 14).
//
//   node docs/examples/file-server/main.mjs --port 3000 --root .
//   curl -r 0-99 http://127.0.0.1:3000/package.json

import { extname } from "node:path";
import { parseArgs } from "node:util";
import { fromIterable } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { isUnchanged, validators, wantsPart } from "./conditions.mjs";
import { contentOf, multipart } from "./content.mjs";
import { openFile } from "./folder.mjs";
import { rangesOf } from "./ranges.mjs";

const text = { type: "string" };
const { values } = parseArgs({ options: { port: { ...text, default: "3000" }, root: { ...text, default: "." } } });

const types = { ".html": "text/html", ".txt": "text/plain", ".json": "application/json", ".css": "text/css" };

async function answer(request) {
  const { method, target } = request;
  if (method === "OPTIONS") return new HttpResponse(204, { allow: "GET, HEAD, OPTIONS" });
  if (method !== "GET" && method !== "HEAD") return new HttpResponse(405, { allow: "GET, HEAD, OPTIONS" });
  const file = await openFile(values.root, target.path);
  if (file === undefined) return new HttpResponse(404);
  const response = choose(request, file, { ...validators(file), "accept-ranges": "bytes" });
  // Whoever reads the content, or cancels it, closes the file; where there is none, nobody would.
  if (response.body.isEndStream()) await file.handle.close();
  return response;
}

function choose({ method, headers }, file, fields) {
  if (isUnchanged(headers, file)) return new HttpResponse(304, fields);
  const type = types[extname(file.path)] ?? "application/octet-stream";
  const about = { ...fields, "content-type": type, "x-content-type-options": "nosniff" };
  // RFC 9110 14.2: ranges are of GET alone.
  const ranges = method === "GET" && wantsPart(headers, file) ? rangesOf(headers.get("range"), file.size) : undefined;
  if (ranges === undefined) return part(200, about, file, [{ start: 0, end: file.size }]);
  if (ranges.length === 0) return new HttpResponse(416, { ...fields, "content-range": `bytes */${file.size}` });
  if (ranges.length > 1) return part(206, about, file, ...multipart(ranges, file.size, type));
  const [{ start, end }] = ranges;
  return part(206, { ...about, "content-range": `bytes ${start}-${end - 1}/${file.size}` }, file, ranges);
}

/** A response whose content is `pieces`: bytes, and ranges of the file. */
function part(status, fields, file, pieces, type = fields["content-type"]) {
  const length = pieces.reduce((sum, piece) => sum + (piece.length ?? piece.end - piece.start), 0);
  const head = { ...fields, "content-type": type, "content-length": `${length}` };
  return new HttpResponse(status, head, fromIterable(contentOf(file, pieces), { length }));
}

const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, serviceFn(answer), { signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
