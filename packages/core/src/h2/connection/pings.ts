/**
 * PING frames of ours and their answers (RFC 9113 section 6.7). Each purpose has a payload of its own and at most one
 * PING under way.
 */
import { HttpError } from "../../error.ts";
import type { Frame } from "../frame/frame-header.ts";
import { pingBytes, writePing } from "../frame/ping.ts";
import type { OctetWriter } from "../octet-writer.ts";

/** The program asked for it. */
export const PING_USER = 0;
/** Is the peer there? */
export const PING_KEEP_ALIVE = 1;
/** Has the peer seen our first GOAWAY? */
export const PING_SHUTDOWN = 2;
/** How long is a round trip under load? */
export const PING_BANDWIDTH = 3;

const purposes = 4;
const neverSent: readonly number[] = new Array<number>(purposes).fill(-1);
const mark = [0x73, 0x6c, 0x75, 0x69, 0x63, 0x65, 0x00];

const payloads: readonly Uint8Array[] = Array.from({ length: purposes }, (_, purpose) =>
  Uint8Array.from([...mark, purpose]),
);

interface Waiter {
  readonly resolve: (rttMs: number) => void;
  readonly reject: (error: HttpError) => void;
}

export class Pings {
  readonly #writer: OctetWriter;
  /** When the PING for each purpose was sent, or -1. Shared until the first is. */
  #sentAt: readonly number[] = neverSent;
  #waiter: Waiter | undefined;

  constructor(writer: OctetWriter) {
    this.#writer = writer;
  }

  /** Whether the PING for `purpose` has not been answered. */
  isPending(purpose: number): boolean {
    return (this.#sentAt[purpose] as number) >= 0;
  }

  /** Sends a PING, unless the one before for the same purpose is still under way. */
  send(purpose: number, now: number): void {
    if (this.isPending(purpose)) return;
    this.#sentAt = this.#sentAt.with(purpose, now);
    writePing(this.#writer, false, payloads[purpose] as Uint8Array, 0);
  }

  /** Sends a PING for the program; resolves with the round trip time in milliseconds. */
  measure(now: number): Promise<number> {
    if (this.#waiter !== undefined) {
      return Promise.reject(new HttpError("user", "PING_PENDING", "the PING before has not been answered yet"));
    }
    this.send(PING_USER, now);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** The purpose of a PING of ours that `frame` answers, and forgets it; -1 if it answers none. */
  answered(frame: Frame): number {
    for (let purpose = 0; purpose < purposes; purpose++) {
      if (this.isPending(purpose) && isSame(payloads[purpose] as Uint8Array, frame)) return purpose;
    }
    return -1;
  }

  /** The PING for `purpose` was answered; the round trip time in milliseconds. */
  complete(purpose: number, now: number): number {
    const rttMs = now - (this.#sentAt[purpose] as number);
    this.#sentAt = this.#sentAt.with(purpose, -1);
    if (purpose === PING_USER) {
      const waiter = this.#waiter;
      this.#waiter = undefined;
      waiter?.resolve(rttMs);
    }
    return rttMs;
  }

  /** The connection is over. */
  fail(error: HttpError): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(error);
  }
}

function isSame(payload: Uint8Array, frame: Frame): boolean {
  for (let i = 0; i < pingBytes; i++) if (payload[i] !== frame.bytes[frame.start + i]) return false;
  return true;
}
