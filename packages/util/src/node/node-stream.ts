/**
 * An `Io` as a Node stream: the other way round of `nodeIo`, for libraries that want a `Duplex` of their own, such as
 * TLS over a tunnel.
 *
 * What is a Node stream underneath is given back as it is, with the bytes that were read early put back in front of
 * it. Anything else gets a stream around it that keeps the rules of both sides: it asks for a chunk when the stream
 * wants one, at most one at a time, and a write is done when the transport can take the next.
 */
import { Duplex } from "node:stream";
import { type Io, Upgraded } from "@sluice/core";
import { joinBytes } from "../join-bytes.ts";
import { transportError } from "../transport-error.ts";
import { NodeIo } from "./socket-io.ts";

type Done = (error?: Error | null) => void;

const nothing: Uint8Array = new Uint8Array(0);

/** A stream over an `Io` that it owns. */
class IoStream extends Duplex {
  /** How many bytes have arrived; `net.Socket` has the same property. */
  bytesRead = 0;
  readonly #io: Io;
  #early: Uint8Array;

  constructor(io: Io, early: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#io = io;
    this.#early = early;
  }

  override _read(): void {
    const early = this.#early;
    if (early.length === 0) {
      this.#io.read(this.#onRead);
    } else {
      this.#early = nothing;
      this.#onRead(early);
    }
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#send([chunk], done);
  }

  override _writev(entries: { readonly chunk: Uint8Array }[], done: Done): void {
    this.#send(
      entries.map((entry) => entry.chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.#io.shutdown((error) => done(asError(error)));
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#early = nothing;
    // After an end in both directions this only frees the descriptor; before, it is a reset.
    this.#io.abort(error ?? undefined);
    done(error);
  }

  #send(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#io.write(chunks)) done();
    else this.#io.drained((error) => done(asError(error)));
  }

  readonly #onRead = (chunk: Uint8Array | null, error?: unknown): void => {
    // The abort in `_destroy` comes here too; a stream that is destroyed takes no notice.
    if (error !== undefined) {
      this.destroy(asError(error));
    } else {
      this.bytesRead += chunk?.length ?? 0;
      this.push(chunk);
    }
  };
}

/**
 * Turns `io` into a Node stream, which takes it over: do not use `io` afterwards.
 *
 * The `Io` of a Node stream gives that stream back, as `NodeIo.intoSocket` does, and so does an `Upgraded` over one.
 * Where that cannot be (the stream has failed, or its end was read already) and for every other `Io`, the result is a
 * `Duplex` over it: `end` becomes `shutdown`, `destroy` becomes `abort`, and errors of the transport are emitted as
 * they are. Bytes that were received and not yet read come first.
 */
export function nodeStream(io: Io): Duplex {
  let inner = io;
  let early = nothing;
  while (inner instanceof Upgraded) {
    const parts = inner.intoParts();
    early = joinBytes(early, parts.readBuffer);
    inner = parts.io;
  }
  return (inner instanceof NodeIo ? takeSocket(inner, early) : undefined) ?? new IoStream(inner, early);
}

function takeSocket(io: NodeIo, early: Uint8Array): Duplex | undefined {
  // A stream that has announced its end neither takes bytes back nor announces the end again.
  if (io.socket.destroyed || io.socket.readableEnded) return undefined;
  const socket = io.intoSocket();
  if (early.length > 0) socket.unshift(early);
  return socket;
}

/** What a Node stream may be destroyed with; a reason of `abort` can be anything. */
function asError(error: unknown): Error | undefined {
  return error === undefined || error instanceof Error ? error : transportError(error);
}
