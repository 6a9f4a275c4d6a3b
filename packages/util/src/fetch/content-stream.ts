/**
 * A body as the byte stream that Fetch makes of content. Every chunk is copied, since a byte stream takes its chunks' memory away
 * from everybody else who has a part of it.
 */
import { type Body, type HeaderMap, isData } from "@sluice/body";

/** Is told how reading has ended; gives what the reader is told in place of an error. */
export interface StreamEnd {
  ended(trailers: HeaderMap | undefined): void;
  failed(error: unknown): unknown;
}

/** An underlying byte source (Streams standard 4.2.3). */
class ContentSource {
  readonly type = "bytes";
  readonly #body: Body;
  readonly #end: StreamEnd | undefined;
  #trailers: HeaderMap | undefined;

  constructor(body: Body, end: StreamEnd | undefined) {
    this.#body = body;
    this.#end = end;
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      for (;;) {
        const next = this.#body.frame();
        const frame = next !== null && "then" in next ? await next : next;
        if (frame === null) {
          controller.close();
          // A reader that waits with a buffer of its own gets it back.
          controller.byobRequest?.respond(0);
          this.#end?.ended(this.#trailers);
          return;
        }
        if (!isData(frame)) {
          this.#trailers = frame.fields;
        } else if (frame.length > 0) {
          // Not `frame.slice()`: of a Buffer that is no copy.
          controller.enqueue(new Uint8Array(frame));
          return;
        }
      }
    } catch (error) {
      throw this.#end === undefined ? error : this.#end.failed(error);
    }
  }

  cancel(reason: unknown): void {
    this.#end?.failed(reason);
    this.#body.cancel(reason);
  }
}

/** The data of `body` as a stream, of which nothing is read before it is asked for. */
export function contentStream(body: Body, end?: StreamEnd): ReadableStream<Uint8Array> {
  return new ReadableStream(new ContentSource(body, end), { highWaterMark: 0 }) as ReadableStream<Uint8Array>;
}
