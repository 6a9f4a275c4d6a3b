/**
 * A web stream as the body of a response, read in bursts: what the stream gives without waiting for anything is one burst, and
 * leaves in one write instead of one for each chunk.
 *
 * A burst is over when no microtask is left to run. Reading goes ahead only for a reader that waits, and up to a limit: beside
 * what that reader is given, one more read may be under way. Chunks stay as they are; nothing is copied or joined.
 */
import { BaseBody, type Body, type BodyChunk, fromIterable, type SizeHint } from "@sluice/body";
import { afterMicrotasks } from "./platform.ts";

type Chunk = Awaited<ReturnType<ReadableStreamDefaultReader<BodyChunk>["read"]>>;

/** A burst ends when it has come to as much, even if the stream has more at hand. */
const maxBurstBytes = 65_536;
const maxBurstChunks = 64;

const end: Chunk = { done: true, value: undefined };

interface Waiting {
  resolve(chunk: Chunk): void;
  reject(error: unknown): void;
}

/** The chunks of a stream, one by one; without a promise where the last burst has left some. */
class Bursts {
  /** What the stream is told when it is given up. */
  reason: unknown = undefined;
  readonly #reader: ReadableStreamDefaultReader<BodyChunk>;
  #held: Chunk[] = [];
  /** Those before were taken. */
  #taken = 0;
  #heldBytes = 0;
  #isReading = false;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined = undefined;
  #waiting: Waiting | undefined = undefined;
  #isBeginning = false;
  #endScheduled = false;

  constructor(stream: ReadableStream<BodyChunk>) {
    this.#reader = stream.getReader();
  }

  [Symbol.asyncIterator](): AsyncIterator<BodyChunk> {
    // What it answers at once needs no promise; `fromIterable` takes both.
    return this as unknown as AsyncIterator<BodyChunk>;
  }

  next(): Chunk | Promise<Chunk> {
    if (this.#hasAnswer) return this.#take();
    void this.#read();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** Reads the first burst before anybody waits for it; calls `done` when it is over. */
  begin(done: () => void): void {
    this.#isBeginning = true;
    void this.#read();
    // From a microtask: what is put behind all microtasks outside of one may come before the first.
    queueMicrotask(() =>
      afterMicrotasks(() => {
        this.#isBeginning = false;
        done();
      }),
    );
  }

  /** For `fromIterable`: the stream is given up. */
  return(): void {
    this.#held = [];
    // The source's own cancelling may fail; nobody is left to be told.
    this.#reader.cancel(this.reason).catch(ignore);
  }

  get #hasAnswer(): boolean {
    return this.#taken < this.#held.length || this.#isOver;
  }

  #take(): Chunk {
    const chunk = this.#held[this.#taken];
    if (chunk !== undefined) {
      this.#taken++;
      if (this.#taken === this.#held.length) {
        this.#held = [];
        this.#taken = 0;
        this.#heldBytes = 0;
      }
      return chunk;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return end;
  }

  /** Reads for as long as somebody waits, up to the end of a burst. */
  async #read(): Promise<void> {
    if (this.#isReading || this.#isOver) return;
    this.#isReading = true;
    try {
      do {
        const chunk = await this.#reader.read();
        if (chunk.done) {
          this.#isOver = true;
          break;
        }
        this.#held.push(chunk);
        this.#heldBytes += ArrayBuffer.isView(chunk.value) ? chunk.value.byteLength : 0;
        if (this.#heldBytes >= maxBurstBytes || this.#held.length >= maxBurstChunks) break;
        this.#scheduleEnd();
      } while (this.#waiting !== undefined || this.#isBeginning);
    } catch (error) {
      this.#isOver = true;
      this.#failure = { error };
    }
    this.#isReading = false;
    this.#endBurst();
  }

  #scheduleEnd(): void {
    if (this.#endScheduled || this.#waiting === undefined) return;
    this.#endScheduled = true;
    afterMicrotasks(this.#onQuiet);
  }

  readonly #onQuiet = (): void => {
    this.#endScheduled = false;
    if (this.#hasAnswer) this.#endBurst();
  };

  #endBurst(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    try {
      waiting.resolve(this.#take());
    } catch (error) {
      waiting.reject(error);
    }
  }
}

/** The body of a response that is a stream; only where it comes from tells it from any other. */
export class StreamBody extends BaseBody {
  readonly #bursts: Bursts;
  readonly #body: Body;

  /** @throws TypeError when the stream is locked. */
  constructor(stream: ReadableStream<BodyChunk>) {
    super();
    this.#bursts = new Bursts(stream);
    this.#body = fromIterable(this.#bursts);
  }

  /** Resolves when the first burst is over, which is soon, whatever the stream does. For before the first `frame()`. */
  begun(): Promise<void> {
    return new Promise((resolve) => this.#bursts.begin(resolve));
  }

  override frame(): ReturnType<Body["frame"]> {
    return this.#body.frame();
  }

  override isEndStream(): boolean {
    return this.#body.isEndStream();
  }

  override sizeHint(): SizeHint {
    return this.#body.sizeHint();
  }

  override cancel(reason?: unknown): void {
    this.#bursts.reason = reason;
    this.#body.cancel(reason);
  }
}

function ignore(): void {}
