/**
 * The service that test origins offer.
 *
 *   /             "ok\n"                          /echo       the content of the request
 *   /size/N       N bytes, length known           /chunks/N   N chunks "chunk 1\n", ..., length unknown
 *   /status/N     an empty response of status N   /trailers   "data" and a trailer `x-checksum: abc`
 *   /slow         "slow\n", once the test says so /slow-body  the head at once, "slow\n" once the test says so
 *   /hang         never answered                  others      404
 *
 * On HTTP/1 trailers reach only those who ask for them with `te: trailers`.
 */
import { fromIterable, full, HeaderMap, withTrailers } from "@sluice/body";
import { type HttpRequest, HttpResponse } from "@sluice/core";
import { settle } from "./io.ts";

/** Requests that wait for the test. */
export class Gate {
  readonly #waiting: (() => void)[] = [];

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets the `count` that have waited longest go on. Default: all of them. */
  release(count: number = this.#waiting.length): void {
    for (const go of this.#waiting.splice(0, count)) go();
  }

  /** Resolves once `count` requests wait. */
  async arrived(count = 1): Promise<void> {
    while (this.waiting < count) await settle(1);
  }

  /** Resolves when released; rejects with the signal's reason when it aborts. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = this.#waiting.indexOf(go);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal.reason);
      };
      const go = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      this.#waiting.push(go);
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
    });
  }
}

/** The content of `/size/N`: its bytes tell where they belong. */
export function sizedContent(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => 0x61 + (index % 26));
}

export function standardService(slow: Gate): (request: HttpRequest) => HttpResponse | Promise<HttpResponse> {
  return (request) => {
    const [, name = "", argument = ""] = request.target.path.split("/");
    const count = Number(argument);
    switch (name) {
      case "":
        return new HttpResponse(200, {}, full("ok\n"));
      case "echo":
        return new HttpResponse(200, {}, request.body);
      case "size":
        return new HttpResponse(200, {}, full(sizedContent(count)));
      case "status":
        return new HttpResponse(count);
      case "chunks":
        return new HttpResponse(200, {}, fromIterable(chunks(count)));
      case "trailers": {
        const body = withTrailers(fromIterable(["data"]), new HeaderMap({ "x-checksum": "abc" }));
        return new HttpResponse(200, { trailer: "x-checksum" }, body);
      }
      case "slow":
        return slow.wait(request.signal).then(() => new HttpResponse(200, {}, full("slow\n")));
      case "slow-body":
        return new HttpResponse(200, {}, fromIterable(afterWaiting(slow.wait(request.signal))));
      case "hang":
        return new Promise((_, reject) => {
          request.signal.addEventListener("abort", () => reject(request.signal.reason), { once: true });
        });
      default:
        return new HttpResponse(404, {}, full("not found\n"));
    }
  };
}

function* chunks(count: number): Generator<string> {
  for (let index = 1; index <= count; index++) yield `chunk ${index}\n`;
}

function afterWaiting(released: Promise<void>): AsyncIterable<string> {
  // Not awaited before the content is asked for.
  released.catch(() => {});
  return (async function* () {
    await released;
    yield "slow\n";
  })();
}
