// What the servers on Sluice answer, whatever the version of HTTP.

import { fromIterable, full, isData } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { hello, piece, pieces } from "./start.mjs";

export const services = {
  hello: () => new HttpResponse(200, { "content-type": "text/plain" }, full(hello)),
  mib: () => {
    const length = piece.length * pieces;
    return new HttpResponse(200, { "content-type": "text/plain" }, fromIterable(Array(pieces).fill(piece), { length }));
  },
  echo: (request) => new HttpResponse(200, { "content-type": "text/plain" }, request.body),
  size: async (request) => {
    let bytes = 0;
    for (;;) {
      const next = request.body.frame();
      const frame = next instanceof Promise ? await next : next;
      if (frame === null) break;
      if (isData(frame)) bytes += frame.length;
    }
    return new HttpResponse(200, { "content-type": "text/plain" }, full(String(bytes)));
  },
};
