// `HeaderMap` beside what else fields are kept in: `Headers`, and a `Map` that knows nothing of case or repeated names.

import { HeaderMap } from "@sluice/body";
import { realisticHeaders } from "../scenarios/realistic-headers.mjs";
import { measureAll } from "./operations.mjs";

const lines = [["host", "shop.example"], ...realisticHeaders.map((line) => line.split(/: (.*)/s).slice(0, 2))];
const bytes = lines.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
const ours = new HeaderMap(lines);
const theirs = new Headers(lines);
const many = new HeaderMap();
for (let i = 0; i < 1000; i++) many.append(`x-header-${i}`, "value");

/** As the parsers do: names are known to be right. */
function parsed() {
  const map = new HeaderMap();
  for (const [name, value] of lines) map.appendParsed(name, value);
  return map;
}

await measureAll([
  { name: "Headers: build, 11 lines", run: () => new Headers(lines), bytes },
  { name: "HeaderMap: build, 11 lines", run: () => new HeaderMap(lines), bytes },
  { name: "HeaderMap: build, parsed", run: parsed, bytes },
  { name: "Map: build, 11 lines", run: () => new Map(lines), bytes },
  { name: "Headers: get, the last", run: () => theirs.get("x-request-id") },
  { name: "HeaderMap: get, the last", run: () => ours.get("x-request-id") },
  { name: "HeaderMap: get, other case", run: () => ours.get("X-Request-ID") },
  { name: "HeaderMap: get, of 1,000 lines", run: () => many.get("x-header-999") },
]);
