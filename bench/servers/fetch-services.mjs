// What the servers of `Request` and `Response` answer.

import { contentOf } from "./start.mjs";

/** The function that answers as `service` does. */
export function serviceOf(service) {
  if (service === "echo") return (request) => new Response(request.body, { headers: { "content-type": "text/plain" } });
  if (service === "size") return size;
  const { type, pieces, length } = contentOf(service);
  if (pieces.length === 1) return () => new Response(pieces[0], { headers: { "content-type": type } });
  const sum = length === undefined ? {} : { "content-length": String(length) };
  return () => new Response(streamOf(pieces), { headers: { "content-type": type, ...sum } });
}

function streamOf(pieces) {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent < pieces.length) controller.enqueue(pieces[sent++]);
      else controller.close();
    },
  });
}

async function size(request) {
  let bytes = 0;
  for await (const chunk of request.body) bytes += chunk.length;
  return new Response(String(bytes), { headers: { "content-type": "text/plain" } });
}
