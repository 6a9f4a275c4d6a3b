/**
 * What a fetch handler can know and do beside `Request` and `Response`: all that HTTP has and the Fetch standard has no word for.
 */
import { HeaderMap, type TrailersSource } from "@sluice/body";
import { type HttpRequest, type Io, type IoInfo, sendInformational, type Upgraded, upgradeOn } from "@sluice/core";
import { headerMapOf, LightHeaders } from "./light-headers.ts";
import { contentOfRequest, type LightRequest } from "./light-request.ts";
import { lightResponse } from "./light-response.ts";
import type { HeadersInit } from "./platform.ts";

/** For the bridge: the trailers a handler has set, and whether it has begun an upgrade. */
export let outcomeOf: (info: FetchInfo) => {
  readonly trailers: ResponseTrailers | undefined;
  readonly upgrades: boolean;
};

/** Trailers of a response. */
export interface ResponseTrailers {
  readonly source: TrailersSource;
  /** Their names; HTTP/1 sends none that were not announced. */
  readonly names: readonly string[];
}

/** What an upgrade needs: the response to return, and what it leads to. */
export interface FetchUpgrade {
  /** To be returned by the handler, as it is. */
  readonly response: Response;
  /** The transport, once the response was sent. Rejects as `upgradeOn` does. */
  readonly upgraded: Promise<Upgraded>;
}

/** The second argument of a fetch handler. */
export class FetchInfo {
  /** The request as it was received: fields one by one, target, version, extensions. */
  readonly request: HttpRequest;
  readonly #light: LightRequest;
  readonly #io: Pick<Io, "info"> | undefined;
  #trailers: ResponseTrailers | undefined;
  #upgrades = false;

  /** @internal */
  constructor(request: HttpRequest, light: LightRequest, io: Pick<Io, "info"> | undefined) {
    this.request = request;
    this.#light = light;
    this.#io = io;
  }

  static {
    outcomeOf = (info) => ({ trailers: info.#trailers, upgrades: info.#upgrades });
  }

  /** Facts about the connection, if `io` was given to `fromFetchHandler`: addresses, ALPN, TLS. */
  get connection(): IoInfo | undefined {
    return this.#io?.info;
  }

  /**
   * Sends a 1xx response now, such as 103 with `link` fields.
   * @returns false if it was not sent, as `sendInformational` says it.
   * @throws RangeError for a status that is not 1xx, or 101; TypeError for fields that cannot be sent.
   */
  sendInformational(status: number, headers?: HeadersInit): boolean {
    return sendInformational(this.request, status, headerMapOf(headers));
  }

  /**
   * The trailers of the request, none if there were none: resolves when its content was read to the end, by whatever method, and
   * rejects if that fails. Reads nothing itself.
   */
  trailers(): Promise<Headers> {
    const trailers = contentOfRequest(this.#light)
      .trailers()
      .then((fields) => new LightHeaders(fields ?? new HeaderMap(), "immutable") as unknown as Headers);
    // Whoever reads the content is told as well.
    trailers.catch(ignore);
    return trailers;
  }

  /**
   * Sends trailers after the response. On HTTP/1 only a client that has said `te: trailers` gets them, and those whose names are
   * announced: where `trailers` is a function, which is called when the content has been sent, say them in `names`.
   */
  respondTrailers(
    trailers: HeadersInit | (() => HeadersInit | null | Promise<HeadersInit | null>),
    names?: readonly string[],
  ): void {
    if (typeof trailers === "function") {
      const make = async (): Promise<HeaderMap | null> => {
        const made = await trailers();
        return made === null ? null : headerMapOf(made);
      };
      this.#trailers = { source: make, names: names ?? [] };
    } else {
      const fields = headerMapOf(trailers);
      this.#trailers = { source: fields, names: names ?? [...fields.keys()] };
    }
  }

  /**
   * Leaves HTTP: 101 for a request with `upgrade`, which the fields should name the protocol of, 200 for CONNECT. A `Response` of the
   * platform cannot say 101, so the one given here has to be returned; middleware must not make a new one of it.
   */
  upgrade(headers?: HeadersInit): FetchUpgrade {
    this.#upgrades = true;
    const map = headerMapOf(headers);
    const status = this.request.method === "CONNECT" ? 200 : 101;
    const response = lightResponse({ status, statusText: "", headers: map, immutable: false, source: null });
    const upgraded = upgradeOn(this.request);
    upgraded.catch(ignore);
    return { response, upgraded };
  }
}

function ignore(): void {}
