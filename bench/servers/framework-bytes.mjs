// Sluice without a framework, which says what those of the `frameworks` group say; content is read before. What they would
// reach on Sluice if neither they nor what is between took any time.

import { collect, fromIterable, full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { listen } from "@sluice/util/node";
import { exchanges, streamedPieces } from "./framework-exchanges.mjs";
import { configuration, started, streamPiece } from "./start.mjs";

const { port } = configuration();
const pieces = Array(streamedPieces).fill(streamPiece);
const answers = new Map(Object.values(exchanges).map(({ path, answer }) => [path, answer]));
const typeOf = (text) => (text.startsWith("{") ? "application/json" : "text/plain;charset=UTF-8");

function answerTo(path) {
  if (path === exchanges.stream.path)
    return new HttpResponse(200, { "content-type": "text/plain" }, fromIterable(pieces));
  const text = answers.get(path);
  return new HttpResponse(200, { "content-type": typeOf(text) }, full(text));
}

async function answerToContent({ body, target }) {
  await collect(body).json();
  return answerTo(target.pathAndQuery);
}

const service = serviceFn((request) =>
  request.method === "POST" ? answerToContent(request) : answerTo(request.target.pathAndQuery),
);
const listener = listen({ host: "127.0.0.1", port });
const address = await listener.ready;
started(address.port);
for await (const io of listener) http1.serve(io, service);
