/**
 * Finds where HTTP/1 messages end in a stream of bytes, whatever its chunks are. For test tools: framing is taken on trust
 * (RFC 9112 section 6), and what does not look like HTTP/1 is passed over as one message without an end.
 */

/** What follows a head: that many bytes, chunks, nothing of interest, or the final response to an interim one. */
export type Framing = number | "chunked" | "endless" | "interim";

type State = "head" | "bytes" | "chunk-size" | "chunk-data" | "trailers" | "endless";

export class MessageScanner {
  /** Messages whose first byte has been seen; interim responses belong to the final one. */
  started = 0;
  /** Messages whose last byte has been seen. */
  ended = 0;
  readonly #framing: (head: string) => Framing;
  readonly #looksRight: (text: string) => boolean;
  #state: State = "head";
  /** The head, chunk size or trailer section so far, in latin1. */
  #text = "";
  /** Bytes of content or of a chunk, with its CRLF, still to come. */
  #left = 0;
  #between = true;

  /**
   * @param looksRight Whether a head may begin like this.
   * @param framing Is told each head, with its empty line, and says what follows.
   */
  constructor(looksRight: (text: string) => boolean, framing: (head: string) => Framing) {
    this.#looksRight = looksRight;
    this.#framing = framing;
  }

  /** The part of the present head that has been seen; empty after its end. */
  get partialHead(): string {
    return this.#state === "head" ? this.#text : "";
  }

  /** Takes bytes up to the end of the present message, if it is in `chunk`; returns how many were taken. */
  take(chunk: Uint8Array): number {
    if (chunk.length > 0 && this.#between) {
      this.#between = false;
      this.started += 1;
    }
    let taken = 0;
    while (taken < chunk.length && !this.#between) taken += this.#step(chunk.subarray(taken));
    return taken;
  }

  #step(chunk: Uint8Array): number {
    switch (this.#state) {
      case "head": {
        const taken = this.#takeText(chunk, "\r\n\r\n");
        if (this.#text.endsWith("\r\n\r\n")) this.#begin(this.#framing(this.#cut()));
        else if (!this.#looksRight(this.#text)) this.#begin("endless");
        return taken;
      }
      case "chunk-size": {
        const taken = this.#takeText(chunk, "\r\n");
        if (this.#text.endsWith("\r\n")) {
          const size = Number.parseInt(this.#cut(), 16);
          this.#left = size + 2;
          // The CRLF before an empty trailer section, so that both kinds of end look alike.
          if (size === 0) this.#text = "\r\n";
          this.#state = size === 0 ? "trailers" : "chunk-data";
        }
        return taken;
      }
      case "trailers": {
        const taken = this.#takeText(chunk, "\r\n\r\n");
        if (this.#text.endsWith("\r\n\r\n")) this.#end();
        return taken;
      }
      case "bytes":
      case "chunk-data": {
        const taken = Math.min(this.#left, chunk.length);
        this.#left -= taken;
        if (this.#left === 0 && this.#state === "bytes") this.#end();
        else if (this.#left === 0) this.#state = "chunk-size";
        return taken;
      }
      case "endless":
        return chunk.length;
    }
  }

  /** Adds to the text, up to `end` if it comes; returns how many bytes that took. */
  #takeText(chunk: Uint8Array, end: string): number {
    const before = this.#text.length;
    const all = this.#text + Buffer.from(chunk).toString("latin1");
    const at = all.indexOf(end);
    this.#text = at < 0 ? all : all.slice(0, at + end.length);
    return this.#text.length - before;
  }

  #cut(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  #begin(framing: Framing): void {
    this.#text = "";
    if (framing === "interim") this.#state = "head";
    else if (framing === "endless") this.#state = "endless";
    else if (framing === "chunked") this.#state = "chunk-size";
    else if (framing === 0) this.#end();
    else {
      this.#state = "bytes";
      this.#left = framing;
    }
  }

  #end(): void {
    this.#state = "head";
    this.#text = "";
    this.#between = true;
    this.ended += 1;
  }
}

/** A scanner of requests. `onHead` is told each head. */
export function requestScanner(onHead: (head: string) => void): MessageScanner {
  const looksRight = (text: string): boolean => /^[A-Z]+(?: |$)/.test(text);
  return new MessageScanner(looksRight, (head) => {
    onHead(head);
    // The preface of HTTP/2, and a tunnel.
    if (head.startsWith("PRI ") || head.startsWith("CONNECT ")) return "endless";
    return framingOf(head) ?? 0;
  });
}

/** A scanner of responses. `methodOf` is asked, once for each final response, for the method of its request. */
export function responseScanner(methodOf: () => string | undefined): MessageScanner {
  const looksRight = (text: string): boolean => text.startsWith("HTTP/".slice(0, text.length));
  return new MessageScanner(looksRight, (head) => {
    const status = Number(head.split(" ", 2)[1]);
    if (status === 101) return "endless";
    if (status < 200) return "interim";
    if (methodOf() === "HEAD" || status === 204 || status === 304) return 0;
    return framingOf(head) ?? "endless";
  });
}

/** The value of a field in a head; undefined if it has none. */
export function fieldOf(head: string, name: string): string | undefined {
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}

function framingOf(head: string): Framing | undefined {
  if (fieldOf(head, "transfer-encoding")?.toLowerCase().endsWith("chunked") === true) return "chunked";
  const length = fieldOf(head, "content-length");
  return length === undefined ? undefined : Number(length);
}
