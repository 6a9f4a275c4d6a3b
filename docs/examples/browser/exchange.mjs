// Four requests at once on one connection: a plain one, two that go both ways at once, and one that is given up.

import { channel, isData, toFrames } from "@sluice/body";
import { HttpRequest } from "@sluice/core";

const origin = "http://sluice.example";
const parts = ["Streams ", "take ", "turns."];

/**
 * Runs the requests over `sender`. `show(path, text, state)` is called with all that a response has brought so far. `log` is
 * told of trailers. `pause` resolves when it is time for the next part.
 */
export async function exchange({ sender, log, show, pause }) {
  const greeting = begin(HttpRequest.get(`${origin}/greeting`));
  const uploads = ["/upper", "/lower"].map((path) => {
    const { sender: content, body } = channel(1);
    return { content, ...begin(HttpRequest.post(`${origin}${path}`, body)) };
  });
  const controller = new AbortController();
  const unfinished = begin(HttpRequest.get(`${origin}/unfinished`), controller.signal);
  await Promise.all([greeting.done, unfinished.next()]);

  // Each part is answered before the next one leaves, though nothing but this line asks for it.
  for (const part of parts) {
    for (const { content } of uploads) await content.sendData(part);
    await Promise.all(uploads.map(({ next }) => next()));
    await pause();
  }
  for (const { content } of uploads) content.close();
  await Promise.all(uploads.map(({ done }) => done));

  controller.abort();
  await unfinished.done;

  /** Sends a request and reads its response; `next` resolves with each further part of that, `done` at the end. */
  function begin(request, signal) {
    const { path } = request.target;
    let text = "";
    let wake = () => {};
    let arrived = 0;
    let awaited = 0;
    const next = async () => {
      awaited += 1;
      while (arrived < awaited) await new Promise((resolve) => (wake = resolve));
    };
    const read = async () => {
      const response = await sender.send(request, { signal });
      const decoder = new TextDecoder();
      for await (const frame of toFrames(response.body)) {
        if (isData(frame)) text += decoder.decode(frame, { stream: true });
        else log.trailers(request, frame.fields);
        show(path, text, "open");
        arrived += 1;
        wake();
      }
      show(path, text, "complete");
    };
    show(path, text, "open");
    const done = read().catch((error) => show(path, text, error.kind));
    return { next, done };
  }
}
