/**
 * One connection through a `FaultProxy`: two lanes, the faults that concern both, and a record of what went through.
 *
 * What no fault concerns is passed on as it is: bytes, backpressure, ends and resets.
 */
import { connect, type Socket } from "node:net";
import type { Timer } from "@sluice/core";
import { Lane, type LaneOwner, turnsUntilRead } from "./fault-lane.ts";
import type { Action, ByteFault, Fault, IdleClose, Side } from "./fault-plan.ts";
import { settle } from "./io.ts";
import { fieldOf, requestScanner, responseScanner } from "./message-scanner.ts";

/** An HTTP/1 request of which at least one byte was forwarded. */
export interface ForwardedRequest {
  readonly connectionIndex: number;
  /** The request line, as far as it was forwarded. */
  readonly line: string;
  /** The field `x-id`, once the head was forwarded. */
  readonly id: string | undefined;
  /** How many of its bytes were forwarded, head and content. */
  readonly bytes: number;
  /** Whether its last byte was. */
  readonly isComplete: boolean;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface FaultConnectionOptions {
  readonly index: number;
  readonly client: Socket;
  /** Where the origin is. */
  readonly port: number;
  readonly host: string;
  readonly faults: readonly Fault[];
  readonly timer: Timer;
}

export class FaultConnection implements LaneOwner {
  readonly index: number;
  /** HTTP/1 requests, oldest first. A connection of HTTP/2 is one, `PRI * HTTP/2.0`; other bytes are one without a line. */
  readonly requests: readonly ForwardedRequest[];
  /** Resolves when no socket is left. */
  readonly gone: Promise<void>;
  readonly #requests: Mutable<ForwardedRequest>[] = [];
  readonly #methods: string[] = [];
  readonly #requestScanner = requestScanner((head) => this.#onRequestHead(head));
  readonly #responseScanner = responseScanner(() => this.#methods.shift());
  readonly #sockets: Socket[] = [];
  /** The head of the request that is being forwarded, until it is recorded. */
  #head: string | undefined = undefined;
  readonly #timer: Timer;
  readonly #faults: readonly Fault[];
  readonly #idleClose: IdleClose | undefined;
  #lanes: Readonly<Record<Side, Lane>> | undefined = undefined;
  /** `stalled` reads no more; `ended` has sent its FINs and drops what comes; `dead` drops and passes on nothing. */
  #mode: "forward" | "stalled" | "ended" | "dead" = "forward";
  #open = 0;
  #onGone: () => void = () => {};

  constructor(options: FaultConnectionOptions) {
    this.index = options.index;
    this.requests = this.#requests;
    this.#timer = options.timer;
    this.#faults = options.faults;
    this.#idleClose = options.faults.find((fault) => typeof fault === "object" && fault.kind === "idle") as
      | IdleClose
      | undefined;
    this.gone = new Promise((resolve) => {
      this.#onGone = resolve;
    });
    this.#start(options);
  }

  /** Bytes that arrived from the client, and those of them that were forwarded. */
  get clientBytes(): { readonly received: number; readonly forwarded: number } {
    return { received: this.#lanes?.client.received ?? 0, forwarded: this.#lanes?.client.forwarded ?? 0 };
  }

  /** Bytes that arrived from the server, and those of them that were forwarded. */
  get serverBytes(): { readonly received: number; readonly forwarded: number } {
    return { received: this.#lanes?.server.received ?? 0, forwarded: this.#lanes?.server.forwarded ?? 0 };
  }

  /** Final HTTP/1 responses that were forwarded to their last byte. */
  get responses(): number {
    return this.#responseScanner.ended;
  }

  get openSockets(): number {
    return this.#open;
  }

  get isDropping(): boolean {
    return this.#mode === "ended" || this.#mode === "dead";
  }

  /** RST to both sides, whatever the plan was. */
  reset(): void {
    this.#mode = "ended";
    for (const socket of this.#sockets) reset(socket);
  }

  async act(action: Action): Promise<void> {
    if (action === "stallBoth") {
      this.#mode = "stalled";
      await this.gone;
    } else if (action === "blackhole") {
      this.#mode = "dead";
    } else if (action === "fin" || action === "rst" || action === "rstAtOnce") {
      await this.#close(action === "fin" ? "fin" : "rst", action === "rst" ? turnsUntilRead : 0);
    }
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const alarm = this.#timer.schedule(ms, resolve);
      void this.gone.then(() => {
        alarm.cancel();
        resolve();
      });
    });
  }

  #start({ client, port, host, faults }: FaultConnectionOptions): void {
    this.#adopt(client);
    if (faults.includes("rstOnAccept")) {
      void this.#close("rst", turnsUntilRead);
    } else if (faults.includes("closeOnAccept")) {
      this.#mode = "ended";
      client.end();
      client.resume();
    } else if (!faults.includes("acceptThenSilence")) {
      const server = connect({ port, host, allowHalfOpen: true, noDelay: true });
      this.#adopt(server);
      this.#lanes = { client: this.#lane("client", client, server), server: this.#lane("server", server, client) };
      for (const lane of [this.#lanes.client, this.#lanes.server]) {
        // A socket that fails tells its own listeners.
        lane.run().catch(() => {});
      }
    }
  }

  #lane(side: Side, from: Socket, to: Socket): Lane {
    const isOf = (fault: Fault): fault is ByteFault =>
      typeof fault === "object" && fault.kind === "bytes" && fault.from === side;
    return new Lane(this, {
      from,
      to,
      scanner: side === "client" ? this.#requestScanner : this.#responseScanner,
      faults: this.#faults.filter(isOf),
      swallowsEnd: this.#faults.some((it) => typeof it === "object" && it.kind === "swallow" && it.from === side),
      admits: () => this.#admits(side),
      after: (piece) => (side === "client" ? this.#afterClientPiece(piece) : this.#afterServerPiece()),
    });
  }

  #adopt(socket: Socket): void {
    this.#sockets.push(socket);
    this.#open += 1;
    socket.on("error", () => this.#passOn(reset));
    socket.on("close", () => {
      this.#open -= 1;
      if (this.#open === 0) this.#onGone();
      else this.#passOn((other) => other.end());
    });
  }

  /** What befell one socket befalls the other, except at a dead peer. */
  #passOn(how: (socket: Socket) => void): void {
    if (this.#mode === "dead") return;
    for (const socket of this.#sockets) if (!socket.destroyed) how(socket);
  }

  async #admits(side: Side): Promise<boolean> {
    if (this.#mode === "stalled") await this.gone;
    const close = this.#idleClose;
    if (side === "client" && close?.at === "reuse" && this.#isIdleAfter(close.afterResponses)) {
      await this.#close(close.how, close.turns);
    }
    return !this.isDropping;
  }

  #isIdleAfter(exchanges: number): boolean {
    return this.responses === exchanges && this.#requestScanner.ended === exchanges && !this.#isInRequest;
  }

  get #isInRequest(): boolean {
    return this.#requestScanner.started > this.#requestScanner.ended;
  }

  #afterClientPiece(piece: Uint8Array): void {
    const { started, ended, partialHead } = this.#requestScanner;
    let request = this.#requests[started - 1];
    if (request === undefined) {
      request = { connectionIndex: this.index, line: "", id: undefined, bytes: 0, isComplete: false };
      this.#requests.push(request);
    }
    if (partialHead !== "") request.line = lineOf(partialHead);
    if (this.#head !== undefined) {
      request.line = lineOf(this.#head);
      request.id = fieldOf(this.#head, "x-id");
      this.#head = undefined;
    }
    request.bytes += piece.length;
    request.isComplete = ended === started;
  }

  async #afterServerPiece(): Promise<void> {
    const close = this.#idleClose;
    if (close?.at === "response" && this.responses === close.afterResponses) await this.#close(close.how, close.turns);
  }

  #onRequestHead(head: string): void {
    this.#head = head;
    this.#methods.push(head.slice(0, head.indexOf(" ")));
  }

  async #close(how: "fin" | "rst", turns: number): Promise<void> {
    await settle(turns);
    if (how === "rst") {
      this.reset();
    } else {
      this.#mode = "ended";
      for (const socket of this.#sockets) socket.end();
    }
  }
}

function lineOf(head: string): string {
  return head.split("\r\n", 1)[0] ?? "";
}

function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // libuv resets no socket that is sending its FIN.
    socket.destroy();
  }
}
