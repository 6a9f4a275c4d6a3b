// What the servers on Sluice answer, whatever the version of HTTP.

import { fromIterable, full, isData } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { contentOf } from "./start.mjs";

/** The function that answers as `service` does. */
export function serviceOf(service) {
  if (service === "echo") return echo;
  if (service === "size") return size;
  const { type, pieces, length } = contentOf(service);
  if (pieces.length === 1) return () => new HttpResponse(200, { "content-type": type }, full(pieces[0]));
  const options = length === undefined ? {} : { length };
  return () => new HttpResponse(200, { "content-type": type }, fromIterable(pieces, options));
}

function echo(request) {
  return new HttpResponse(200, { "content-type": "text/plain" }, request.body);
}

async function size(request) {
  let bytes = 0;
  for (;;) {
    const next = request.body.frame();
    const frame = next instanceof Promise ? await next : next;
    if (frame === null) break;
    if (isData(frame)) bytes += frame.length;
  }
  return new HttpResponse(200, { "content-type": "text/plain" }, full(String(bytes)));
}
