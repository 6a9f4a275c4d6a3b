/**
 * Listens at both ends of a link between two connections: what each writes is judged by `output-rules.ts`, with what the
 * other has sent and what of that has been read.
 */
import type { Io, IoInfo, ReadDone, Timer } from "@sluice/core";
import { FrameSplitter } from "./frame-splitter.ts";
import { preface } from "./names.ts";
import { joined } from "./octets.ts";
import { Output } from "./output.ts";
import type { Role } from "./output-rules.ts";
import type { Received } from "./received.ts";

export class WireTap implements Io {
  readonly info?: IoInfo;
  readonly timer?: Timer;
  /** What was written, frame by frame. */
  readonly frames: Received[] = [];
  readonly #io: Io;
  readonly #output: Output;
  readonly #input = new FrameSplitter();
  readonly #found: (violation: string) => void;
  /** What is still to be read of the client's preface. */
  #prefaceBytes: number;
  /** The connection has said that it ends because of an error: these are its last words. */
  #isFatal = false;
  #stopped = false;

  /** @param role The role of the connection that uses this as its transport. */
  constructor(role: Role, io: Io, found: (violation: string) => void) {
    this.#io = io;
    this.#output = new Output(role);
    this.#found = (violation) => {
      this.#stopped = true;
      found(`${role}: ${violation}`);
    };
    this.#prefaceBytes = role === "server" ? preface.length : 0;
    if (io.info !== undefined) this.info = io.info;
    if (io.timer !== undefined) this.timer = io.timer;
  }

  read(done: ReadDone): void {
    this.#io.read((chunk, error) => {
      if (chunk !== null) this.#arrived(chunk);
      done(chunk, error);
    });
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (!this.#stopped) {
      try {
        for (const frame of this.#output.read(joined(chunks))) this.#written(frame);
      } catch (error) {
        this.#found(error instanceof Error ? error.message : String(error));
      }
    }
    return this.#io.write(chunks);
  }

  drained(done: (error?: unknown) => void): void {
    this.#io.drained(done);
  }

  shutdown(done: (error?: unknown) => void): void {
    if (this.#output.isIncomplete && !this.#stopped) this.#found("it ended within a frame");
    this.#io.shutdown(done);
  }

  abort(reason?: unknown): void {
    this.#io.abort(reason);
  }

  #arrived(chunk: Uint8Array): void {
    const skipped = Math.min(this.#prefaceBytes, chunk.length);
    this.#prefaceBytes -= skipped;
    for (const frame of this.#input.push(chunk.subarray(skipped))) this.#output.rules.sent(frame);
  }

  #written(frame: Received): void {
    this.frames.push(frame);
    if (this.#isFatal) this.#found(`${frame.type} was written behind a GOAWAY with an error`);
    if (frame.type === "GOAWAY" && frame.code !== "NO_ERROR") this.#isFatal = true;
  }
}
