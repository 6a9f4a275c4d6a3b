/**
 * What a handler gets in place of a socket when CONNECT was refused: it reads the answer's content and takes nothing.
 *
 * undici hands over its connection whatever the status. Here the connection goes on with HTTP (RFC 9110 9.3.6), and only what belongs
 * to the answer can be read.
 */
import { Duplex } from "node:stream";
import { type Body, isData } from "@sluice/body";
import { DispatchError } from "./dispatch-error.ts";

class RefusedTunnel extends Duplex {
  readonly #body: Body;

  constructor(body: Body) {
    super({ allowHalfOpen: false });
    this.#body = body;
  }

  override async _read(): Promise<void> {
    try {
      for (;;) {
        const frame = await this.#body.frame();
        if (frame === null) {
          this.push(null);
          return;
        }
        if (isData(frame) && frame.length > 0) {
          this.push(frame);
          return;
        }
      }
    } catch (error) {
      this.destroy(error instanceof Error ? error : undefined);
    }
  }

  override _write(_chunk: unknown, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    done(new DispatchError("UND_ERR_SOCKET", "the tunnel was refused"));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#body.cancel(error ?? undefined);
    done(error);
  }
}

export function refusedTunnel(body: Body): Duplex {
  return new RefusedTunnel(body);
}
