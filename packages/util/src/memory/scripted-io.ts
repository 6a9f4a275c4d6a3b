/**
 * An `Io` whose peer is a script: what it reads is given as a list, and what is written to it is recorded.
 *
 * ```ts
 * const io = scriptedIo(["GET / HTT", "P/1.1\r\n\r\n", block, null]);
 * // ... the connection reads the request, answers, and waits at the block
 * io.writtenText;   // "HTTP/1.1 200 OK\r\n..."
 * io.resume();      // now it reads the end
 * ```
 */
import type { Alarm, Io, IoInfo, ReadDone, Timer } from "@sluice/core";
import { abortReason, transportError, writeAfterShutdown } from "../transport-error.ts";
import { cutter, type Tear } from "./tear.ts";
import { syncTurns, type Turns } from "./turns.ts";

/** Holds all further reads back until `resume()`. */
export const block: unique symbol = Symbol("block");

/**
 * What happens next on the reading side:
 * a chunk, as bytes or as a string of which each char is one byte; `block`; a pause of `waitMs` by the timer; `null`,
 * the end; or an error, after which the transport has failed in both directions.
 */
export type ScriptStep = Uint8Array | string | typeof block | { readonly waitMs: number } | null | Error;

/** What `scriptedIo` may be told. */
export interface ScriptedIoOptions {
  /** Cuts each chunk of the script further. Default: chunks arrive as they are. */
  readonly tear?: Tear;
  /** `write` answers false once this many bytes were written since the last `drain()`. Default: never. */
  readonly capacityBytes?: number;
  /** What `shutdown` completes with. Default: success. */
  readonly shutdownError?: unknown;
  /** When callbacks run. Default: `syncTurns`. */
  readonly turns?: Turns;
  /** Facts about the transport. Default: none. */
  readonly info?: IoInfo;
  /** The clock of the connection, and of `waitMs` steps, which need one. Default: none. */
  readonly timer?: Timer;
}

type Done = (error?: unknown) => void;

/** The `Io` of a script; made by `scriptedIo`. */
export class ScriptedIo implements Io {
  readonly info?: IoInfo;
  readonly timer?: Timer;
  readonly #script: ScriptStep[];
  readonly #turns: Turns;
  readonly #cut: ((available: number) => number) | undefined;
  readonly #capacityBytes: number;
  readonly #shutdownError: unknown;
  #writes: Uint8Array[] = [];
  #unsentBytes = 0;
  #reader: ReadDone | undefined = undefined;
  #waiter: Done | undefined = undefined;
  #alarm: Alarm | undefined = undefined;
  #posted = false;
  #shutdown = false;
  #failure: { readonly error: unknown } | undefined = undefined;
  #abort: { readonly reason: unknown } | undefined = undefined;

  /** @internal Use `scriptedIo`. */
  constructor(script: readonly ScriptStep[], options: ScriptedIoOptions) {
    this.#script = [...script];
    this.#turns = options.turns ?? syncTurns();
    this.#cut = options.tear === undefined ? undefined : cutter(options.tear);
    this.#capacityBytes = options.capacityBytes ?? Infinity;
    this.#shutdownError = options.shutdownError;
    if (options.info !== undefined) this.info = options.info;
    if (options.timer !== undefined) this.timer = options.timer;
  }

  /** Everything written, joined. */
  get written(): Uint8Array {
    return join(this.#writes);
  }

  /** Everything written, with each byte as one char. */
  get writtenText(): string {
    return latin1(this.written);
  }

  /** What each call of `write` was given, joined per call. */
  get writes(): readonly Uint8Array[] {
    return this.#writes;
  }

  /** True once `shutdown` was called. */
  get isShutdown(): boolean {
    return this.#shutdown;
  }

  /** True once `abort` was called. */
  get isAborted(): boolean {
    return this.#abort !== undefined;
  }

  /** What `abort` was called with. */
  get abortReason(): unknown {
    return this.#abort?.reason;
  }

  /** True while a read is outstanding. */
  get isReading(): boolean {
    return this.#reader !== undefined;
  }

  /** Steps of the script that have not happened yet; a chunk that was torn counts until its last piece. */
  get remaining(): number {
    return this.#script.length;
  }

  /** Forgets what was written so far, and returns it as text. */
  takeWritten(): string {
    const text = this.writtenText;
    this.#writes = [];
    return text;
  }

  /**
   * Adds to the end of the script.
   * @throws RangeError when a chunk is empty.
   */
  push(...steps: readonly ScriptStep[]): void {
    for (const step of steps) checkStep(step);
    this.#script.push(...steps);
    this.#wake();
  }

  /** Goes on past the `block` the script stands at; does nothing elsewhere. */
  resume(): void {
    if (this.#script[0] !== block) return;
    this.#script.shift();
    this.#wake();
  }

  /** Makes room after a `write` that returned false. */
  drain(): void {
    this.#unsentBytes = 0;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) this.#turns.post(() => waiter());
  }

  /** The transport fails now, whatever the script says: everything outstanding and later completes with `error`. */
  fail(error: unknown): void {
    this.#fail(transportError(error));
  }

  read(done: ReadDone): void {
    if (this.#reader !== undefined) throw new TypeError("read() was called while another read is outstanding");
    this.#reader = done;
    this.#wake();
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#failure !== undefined || this.#shutdown) return false;
    const bytes = join(chunks);
    this.#writes.push(bytes);
    this.#unsentBytes += bytes.length;
    return this.#unsentBytes < this.#capacityBytes;
  }

  drained(done: Done): void {
    if (this.#failure !== undefined) done(this.#failure.error);
    else if (this.#shutdown) done(writeAfterShutdown());
    else if (this.#unsentBytes < this.#capacityBytes) done();
    else if (this.#waiter !== undefined) throw new TypeError("drained() was called while another is outstanding");
    else this.#waiter = done;
  }

  shutdown(done: Done): void {
    if (this.#shutdown) return done(writeAfterShutdown());
    this.#shutdown = true;
    const error = this.#failure?.error ?? this.#shutdownError;
    this.#turns.post(() => (error === undefined ? done() : done(error)));
  }

  abort(reason?: unknown): void {
    if (this.#abort !== undefined) return;
    this.#abort = { reason };
    this.#fail(abortReason(reason));
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#alarm?.cancel();
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) this.#turns.post(() => waiter(error));
    this.#wake();
  }

  /** Lets the outstanding read see the next step, in a turn of its own, if there is something to see. */
  #wake(): void {
    if (this.#posted || this.#reader === undefined) return;
    if (this.#failure === undefined && !this.#hasNext()) return;
    this.#posted = true;
    this.#turns.post(this.#serve);
  }

  /** Tells whether the script stands at something a read can see; starts a pause it stands at. */
  #hasNext(): boolean {
    const step = this.#script[0];
    if (step === undefined || step === block) return false;
    if (!isPause(step)) return true;
    if (this.#alarm === undefined) {
      if (this.timer === undefined) throw new TypeError("script: a waitMs step needs the option timer");
      this.#alarm = this.timer.schedule(step.waitMs, () => {
        this.#alarm = undefined;
        this.#script.shift();
        this.#wake();
      });
    }
    return false;
  }

  readonly #serve = (): void => {
    this.#posted = false;
    const step = this.#script[0];
    if (this.#failure === undefined && step instanceof Error) this.#fail(transportError(step));
    const done = this.#reader;
    if (done === undefined) return;
    this.#reader = undefined;
    if (this.#failure !== undefined) done(null, this.#failure.error);
    else if (step === null) done(null);
    else if (step instanceof Uint8Array || typeof step === "string") done(this.#takeChunk(step));
  };

  #takeChunk(step: Uint8Array | string): Uint8Array {
    const chunk = typeof step === "string" ? bytesOf(step) : step;
    const length = this.#cut?.(chunk.length) ?? chunk.length;
    if (length < chunk.length) this.#script[0] = chunk.subarray(length);
    else this.#script.shift();
    return chunk.subarray(0, length);
  }
}

/**
 * Makes an `Io` that follows `script`. At the end of a script that has no `null`, reads wait for `push`.
 *
 * @throws RangeError when a chunk is empty: a read never gives one.
 */
export function scriptedIo(script: readonly ScriptStep[] = [], options: ScriptedIoOptions = {}): ScriptedIo {
  for (const step of script) checkStep(step);
  return new ScriptedIo(script, options);
}

function checkStep(step: ScriptStep): void {
  if (step === "" || (step instanceof Uint8Array && step.length === 0)) {
    throw new RangeError("script: a chunk must not be empty");
  }
}

function isPause(step: ScriptStep): step is { readonly waitMs: number } {
  return typeof step === "object" && step !== null && "waitMs" in step;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
