// What the servers answer: the one in Node and the one in a Worker are the same.

import { fromIterable, full, HeaderMap, toAsyncIterable, withTrailers } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";

const plain = { "content-type": "text/plain; charset=utf-8" };

export const service = serviceFn((request) => {
  switch (request.target.path) {
    case "/greeting":
      return new HttpResponse(200, plain, full("Hello from the other side.\n"));
    case "/upper":
      return partByPart(request, (part) => part.toUpperCase());
    case "/lower":
      return partByPart(request, (part) => part.toLowerCase());
    case "/unfinished":
      return new HttpResponse(200, plain, fromIterable(unfinished(request.signal)));
    default:
      return new HttpResponse(404, plain, full("There is nothing here.\n"));
  }
});

/** Frames are the same each time without the date. */
export const options = { autoDateHeader: false };

/** Answers each part as it comes, and says in a trailer how many there were. */
function partByPart(request, change) {
  let parts = 0;
  const decoder = new TextDecoder();
  async function* answers() {
    for await (const part of toAsyncIterable(request.body)) {
      parts += 1;
      yield change(decoder.decode(part, { stream: true }));
    }
  }
  return new HttpResponse(
    200,
    plain,
    withTrailers(fromIterable(answers()), () => new HeaderMap({ "x-parts": `${parts}` })),
  );
}

/** A beginning, and nothing more until the client gives up. */
async function* unfinished(signal) {
  yield "A beginning";
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
