/**
 * Performs a play on an adversarial link, ends it, lets every time limit pass, and tells what was not as it must be.
 */
import { type Body, isData } from "@sluice/body";
import {
  type Connection,
  HttpError,
  HttpRequest,
  HttpResponse,
  type Io,
  type Observer,
  sendInformational,
  serviceFn,
  upgradeOn,
} from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { type AdversarialPair, adversarialPair, fakeTimer } from "@sluice/util/memory";
import { quiet } from "./joined.ts";
import { byteAt, declaredBy, lengthOf, PlannedBody } from "./planned-body.ts";
import type { Play, Reading, RequestPlan, Side, Step } from "./play.ts";

/** Bodies of responses are told from those of requests by their tags. */
const responseTag = 100;

/** A request on its way, as the client sees it. */
interface Sent {
  readonly plan: RequestPlan;
  readonly body: PlannedBody;
  readonly controller: AbortController;
  /** It was not taken, or handed back as unsent. */
  returned: boolean;
  response: HttpResponse | undefined;
}

/** What an observer was told, checked as it comes. */
interface Told {
  readonly started: HttpRequest[];
  readonly ended: Map<HttpRequest, HttpError | undefined>;
  closed: number;
}

export class Stage {
  /** What must not happen and did, and what must happen and did not. */
  readonly violations: string[] = [];
  readonly #play: Play;
  readonly #timer = fakeTimer();
  readonly #link: AdversarialPair;
  readonly #promises = new Map<string, "open" | "settled">();
  readonly #gates: (() => void)[] = [];
  readonly #bodies: PlannedBody[] = [];
  readonly #sent: Sent[] = [];
  readonly #served = new Set<number>();
  readonly #taken: Io[] = [];
  readonly #told: Record<Side, Told> = { client: told(), server: told() };
  #connections: Record<Side, Connection> | undefined;
  #sender: http1.Sender | undefined;
  #gatesOpen = false;
  #calls = 0;

  constructor(play: Play) {
    this.#play = play;
    const { seed, capacityBytes } = play;
    this.#link = adversarialPair({ seed, timer: this.#timer, ...(capacityBytes !== undefined && { capacityBytes }) });
  }

  async perform(): Promise<void> {
    const { client, server, steps } = this.#play;
    const serving = http1.serve(this.#link.b, serviceFn(this.#serve), { ...server, observer: this.#watch("server") });
    const made = await http1.handshake(this.#link.a, { ...client, observer: this.#watch("client") });
    this.#connections = { client: made.connection, server: serving };
    this.#sender = made.sender;
    for (const step of steps) {
      this.#act(step);
      if (step.do === "settle") await this.#settle();
      else await turns();
    }
    await this.#end();
    this.#judge();
  }

  // The steps.

  #act(step: Step): void {
    try {
      this.#take(step);
    } catch (error) {
      this.violations.push(`${step.do} threw ${String(error)}`);
    }
  }

  #take(step: Step): void {
    const connections = this.#connections;
    if (connections === undefined) return;
    switch (step.do) {
      case "send":
        this.#send();
        break;
      case "ready":
        this.#track("ready()", this.#sender?.ready());
        break;
      case "open a gate":
        this.#gates.shift()?.();
        break;
      case "deliver":
        for (let i = 0; i < step.count; i++) this.#link.step();
        break;
      case "wait":
        this.#timer.advance(step.ms);
        break;
      case "signal":
        this.#sent[step.index]?.controller.abort(new Error("the user gave up"));
        break;
      case "cancel response":
        this.#sent[step.index]?.response?.body.cancel();
        break;
      case "shut down":
        connections[step.side].gracefulShutdown(step.deadlineMs);
        break;
      case "abort":
        connections[step.side].abort();
        break;
      case "break":
        (step.side === "client" ? this.#link.a : this.#link.b).abort(new Error("the network broke"));
        break;
      case "take":
        try {
          this.#taken.push(connections[step.side].intoParts().io);
        } catch (error) {
          if (!HttpError.is(error) || error.code !== "NO_UPGRADE") throw error;
        }
        break;
      default:
        break;
    }
  }

  /** The engine has called its user: the moment for an ambush. */
  #called(): void {
    const { ambush } = this.#play;
    if (this.#calls++ === ambush?.at && ambush.step.do !== "deliver" && ambush.step.do !== "wait")
      this.#act(ambush.step);
  }

  // The client's user.

  #send(): void {
    const index = this.#sent.length;
    const plan = this.#play.requests[index];
    if (plan === undefined || this.#sender === undefined) return;
    const body = this.#body(new PlannedBody(plan.body, index, this.#gate));
    const request = new HttpRequest(plan.method, plan.method === "CONNECT" ? "a:1" : "/", { host: "a" }, body);
    if (plan.old) request.version = "HTTP/1.0";
    request.header("x-tag", String(index)).header("te", "trailers").header("trailer", "x-tag");
    const declared = declaredBy(plan.body);
    if (declared !== undefined) request.header("content-length", String(declared));
    if (plan.expectContinue) request.header("expect", "100-continue");
    if (plan.upgrade) request.header("upgrade", "x");
    if (plan.close) request.header("connection", "close");
    const controller = new AbortController();
    const sent: Sent = { plan, body, controller, returned: false, response: undefined };
    this.#sent.push(sent);
    const options = plan.bySignal ? { signal: controller.signal, onInformational: () => this.#called() } : {};
    const outcome: Promise<http1.SendOutcome> = plan.byTrySend
      ? this.#sender.trySend(request, options)
      : this.#sender.send(request, options).then(
          (response) => ({ response }),
          (error: HttpError) => ({ error, ...(isUnsent(error) && { request }) }),
        );
    this.#track(`send ${index}`, outcome);
    outcome.then((result) => {
      if ("response" in result) {
        sent.response = result.response;
        this.#answered(sent, result.response, index);
      } else {
        sent.returned = result.request !== undefined || (result.error.kind === "user" && body.untouched);
        if (!HttpError.is(result.error)) this.violations.push(`send failed with ${String(result.error)}`);
      }
    });
  }

  #answered(sent: Sent, response: HttpResponse, index: number): void {
    const answer = response.headers.get("x-tag");
    if (answer !== undefined && answer !== String(index)) this.violations.push(`request ${index} got answer ${answer}`);
    const { method, reading, service } = sent.plan;
    const tunnel = method === "CONNECT" && response.status < 300;
    // An answer without a tag is the connection's own, for a service that failed; it has no content.
    const bodyless = tunnel || method === "HEAD" || [101, 204, 304].includes(response.status) || answer === undefined;
    this.#read(`response ${index}`, response.body, reading, service.body, responseTag + index, !bodyless);
    if (sent.plan.takesUpgrade) this.#upgrade(`upgrade of response ${index}`, response);
  }

  #upgrade(name: string, message: HttpRequest | HttpResponse): void {
    const upgraded = upgradeOn(message);
    this.#track(name, upgraded);
    upgraded.then(
      (io) => {
        this.#taken.push(io);
        if (!io.write([Uint8Array.of(1, 2, 3)])) {
          this.#track(`drained after ${name}`, new Promise<void>((resolve) => io.drained(() => resolve())));
        }
        this.#track(`read after ${name}`, new Promise<void>((resolve) => io.read(() => resolve())));
      },
      () => {},
    );
  }

  // The service.

  readonly #serve = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    const index = Number(request.headers.get("x-tag"));
    if (this.#served.has(index)) this.violations.push(`request ${index} was served twice`);
    this.#served.add(index);
    if (this.#told.server.closed > 0) this.violations.push("a request was served on a closed connection");
    const sent = this.#sent[index];
    if (sent === undefined) throw new Error("nobody sent this request");
    this.#called();
    const plan = sent.plan.service;
    if (plan.interim) sendInformational(request, 103, { link: "x" });
    if (plan.takesUpgrade) this.#upgrade(`upgrade of request ${index}`, request);
    const read = this.#read(
      `request ${index}`,
      request.body,
      plan.reading,
      sent.plan.body,
      index,
      carriesContent(sent.plan),
    );
    const answer = (): HttpResponse => {
      if (plan.outcome === "throw" || plan.outcome === "reject") throw new Error("the service fails");
      if (plan.outcome === "garbage") return undefined as unknown as HttpResponse;
      const body = this.#body(new PlannedBody(plan.body, responseTag + index, this.#gate));
      const response = new HttpResponse(plan.status, { "x-tag": String(index), trailer: "x-tag" }, body);
      const declared = declaredBy(plan.body);
      if (declared !== undefined) response.header("content-length", String(declared));
      if (plan.close) response.header("connection", "close");
      return response;
    };
    if (plan.when === "at once" && !plan.readsFirst) return plan.outcome === "reject" ? Promise.reject("no") : answer();
    const before = plan.readsFirst ? read : Promise.resolve();
    if (plan.when !== "late") return before.then(answer);
    return before.then(() => new Promise<void>((resolve) => this.#gate(resolve))).then(answer);
  };

  // What both have in common.

  #body(body: PlannedBody): PlannedBody {
    this.#bodies.push(body);
    const frame = body.frame.bind(body);
    body.frame = () => {
      const given = frame();
      this.#called();
      return given;
    };
    return body;
  }

  /** Reads a body as planned and compares what comes with what was sent. */
  async #read(
    name: string,
    body: Body,
    reading: Reading,
    plan: PlannedBody["plan"],
    tag: number,
    carried: boolean,
  ): Promise<void> {
    if (reading === "not at all") return;
    if (reading === "cancel") {
      body.cancel();
      return;
    }
    const done = this.#collect(name, body, reading, plan, tag, carried);
    this.#track(`reading ${name}`, done);
    await done;
  }

  async #collect(
    name: string,
    body: Body,
    reading: Reading,
    plan: PlannedBody["plan"],
    tag: number,
    carried: boolean,
  ): Promise<void> {
    let length = 0;
    try {
      for (let frames = 0; reading !== "one frame" || frames < 1; frames++) {
        if (reading === "slowly") await new Promise<void>((resolve) => this.#gate(resolve));
        const frame = await body.frame();
        if (frame === null) {
          this.#complete(name, length, plan, carried);
          return;
        }
        if (!isData(frame)) {
          if (frame.fields.get("x-tag") !== String(tag)) this.violations.push(`${name}: somebody else's trailers`);
          continue;
        }
        const from = length;
        if (!frame.every((byte, at) => byte === byteAt(tag, from + at))) this.violations.push(`${name}: wrong bytes`);
        length += frame.length;
      }
    } catch (error) {
      if (!HttpError.is(error)) this.violations.push(`${name} failed with ${String(error)}`);
    }
  }

  /** A body that came to a clean end must be the one that was sent, whole. */
  #complete(name: string, length: number, plan: PlannedBody["plan"], carried: boolean): void {
    const expected = carried ? (declaredBy(plan) ?? lengthOf(plan)) : 0;
    const good = !carried || plan.ending === "end" || plan.ending === "long";
    if (length === expected && good) return;
    this.violations.push(`${name} ended cleanly with ${length} of ${expected} bytes`);
  }

  readonly #gate = (open: () => void): void => {
    if (this.#gatesOpen) queueMicrotask(open);
    else this.#gates.push(open);
  };

  #track(name: string, promise: Promise<unknown> | undefined): void {
    if (promise === undefined) return;
    const key = `${name} #${this.#promises.size}`;
    this.#promises.set(key, "open");
    const settled = (): void => void this.#promises.set(key, "settled");
    promise.then(settled, settled);
  }

  #watch(side: Side): Observer {
    const { started, ended } = this.#told[side];
    const note = (event: string): void => {
      if (this.#told[side].closed > 0) this.violations.push(`${side}: ${event} after connectionClosed`);
      this.#called();
    };
    return {
      bytesRead: () => this.#called(),
      bytesWritten: () => this.#called(),
      requestStarted: (request) => {
        if ([...ended.values()].some((error) => error !== undefined)) note("requestStarted after a failure");
        note("requestStarted");
        started.push(request);
      },
      informational: () => note("informational"),
      responseStarted: (request) => {
        if (ended.has(request)) this.violations.push(`${side}: responseStarted after exchangeEnded`);
        note("responseStarted");
      },
      exchangeEnded: (request, error) => {
        if (ended.has(request)) this.violations.push(`${side}: exchangeEnded twice`);
        ended.set(request, error);
        this.#called();
      },
      connectionClosed: () => {
        this.#told[side].closed++;
        this.#called();
      },
    };
  }

  async #settle(): Promise<void> {
    await quiet(() => {
      try {
        const stepped = this.#link.run() > 0;
        if (this.#timer.nextDelayMs > 0) return stepped;
        this.#timer.advance(0);
      } catch (error) {
        this.violations.push(`the network or the clock met ${String(error)}`);
        return false;
      }
      return true;
    });
  }

  // The end.

  /** Users do what they owe, upgraded transports are given up, and then the clock runs past every limit. */
  async #end(): Promise<void> {
    await this.#settle();
    this.#gatesOpen = true;
    for (const open of this.#gates.splice(0)) open();
    await this.#settle();
    for (let rounds = 0; this.#timer.pending > 0 || this.#taken.length > 0; rounds++) {
      for (const io of this.#taken.splice(0)) io.abort();
      if (this.#timer.pending > 0) this.#act({ do: "wait", ms: Math.max(1, this.#timer.nextDelayMs) });
      await this.#settle();
      if (rounds > 300) {
        this.violations.push("the alarms never end");
        break;
      }
    }
    this.#track("client closed", this.#connections?.client.closed);
    this.#track("server closed", this.#connections?.server.closed);
    await this.#settle();
  }

  #judge(): void {
    for (const [name, state] of this.#promises) if (state === "open") this.violations.push(`${name} never settled`);
    if (this.#timer.pending > 0) this.violations.push("an alarm is left");
    if (this.#link.pending > 0) this.violations.push("the link is not idle");
    if (this.#sender?.isClosed !== true) this.violations.push("the sender does not know that it is closed");
    for (const side of ["client", "server"] as const) {
      const { started, ended, closed } = this.#told[side];
      if (closed !== 1) this.violations.push(`${side}: connectionClosed came ${closed} times`);
      for (const request of started) {
        if (!ended.has(request)) this.violations.push(`${side}: an exchange never ended`);
        const failed = ended.get(request) !== undefined;
        if (side === "server" && request.signal.aborted !== failed) {
          this.violations.push(`request.signal.aborted is ${request.signal.aborted}, failed is ${failed}`);
        }
      }
    }
    for (const [index, { returned, body }] of this.#sent.entries()) {
      if (returned && !body.untouched) this.violations.push(`request ${index} came back with its body touched`);
      if (returned && this.#served.has(index)) this.violations.push(`request ${index} came back and was served`);
    }
    const back = this.#sent.filter((sent) => sent.returned).map((sent) => sent.body);
    for (const body of this.#bodies) {
      for (const offence of body.offences) this.violations.push(`body ${body.tag}: ${offence}`);
      if (!body.released && !back.includes(body))
        this.violations.push(`body ${body.tag} was neither ended nor canceled`);
    }
  }
}

/** Whether the content of a request is sent: its length must be known, or chunks possible. */
function carriesContent({ method, old, body }: RequestPlan): boolean {
  if (method === "CONNECT") return false;
  const known = declaredBy(body) !== undefined || (body.known && body.ending === "end");
  return known || !(old || method === "GET" || method === "HEAD");
}

function told(): Told {
  return { started: [], ended: new Map(), closed: 0 };
}

function isUnsent(error: HttpError): boolean {
  return error.kind === "closed" || error.code === "NOT_READY" || error.code === "UNSENT";
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
