import { fromIterable, full, isData } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { serve } from "@sluice/core/http1";
import { listen } from "@sluice/util/node";
import { configuration, hello, piece, pieces, started } from "./start.mjs";

const services = {
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

const { port, service } = configuration();
const listener = listen({ host: "127.0.0.1", port });
const address = await listener.ready;
started(address.port);
const served = serviceFn(services[service]);
for await (const io of listener) serve(io, served);
