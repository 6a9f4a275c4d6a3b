/**
 * Performs a play between an HTTP/2 client and server on an adversarial link, ends it, lets every time limit pass, and
 * tells what was not as it must be: with what users were given and told, on the wire, and inside of both ends.
 */
import {
  type Connection,
  HttpError,
  HttpRequest,
  HttpResponse,
  type Io,
  sendInformational,
  serviceFn,
  upgradeOn,
} from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { type AdversarialPair, adversarialPair, fakeTimer } from "@sluice/util/memory";
import { isUnsent } from "../../../src/client/errors.ts";
import { quiet } from "../../support/joined.ts";
import { type BodyPlan, declaredBy, type PlannedBody } from "../../support/planned-body.ts";
import type { Side } from "../../support/play.ts";
import { type Expected, Ledger } from "./ledger.ts";
import type { Play, RequestPlan, ServicePlan, Step } from "./play.ts";
import { differences, faults, machineOf } from "./scrutiny.ts";
import { Told } from "./told.ts";
import { WireTap } from "./wire-tap.ts";

/** Bodies of responses are told from those of requests by their tags. */
const responseTag = 100;
/** And those of pushed responses, of which each request has room for ten. */
const pushTag = 200;

const sides = ["client", "server"] as const;

/** A request on its way, as the client sees it. */
interface Sent {
  readonly plan: RequestPlan;
  readonly body: PlannedBody;
  readonly controller: AbortController;
  /** It was not taken, or handed back as unsent. */
  returned: boolean;
  response: HttpResponse | undefined;
}

export class Stage {
  readonly violations: string[];
  readonly #play: Play;
  readonly #timer = fakeTimer();
  readonly #link: AdversarialPair;
  readonly #ledger: Ledger;
  readonly #sent: Sent[] = [];
  readonly #served = new Set<number>();
  /** Pushed responses, by tag. */
  readonly #pushed = new Map<number, BodyPlan>();
  readonly #tunnels: Io[] = [];
  readonly #told: Record<Side, Told>;
  #connections: Record<Side, http2.Http2Connection> | undefined;
  #sender: http2.Sender | undefined;
  #calls = 0;

  constructor(play: Play) {
    this.#play = play;
    const { seed, capacityBytes } = play;
    this.#link = adversarialPair({ seed, timer: this.#timer, ...(capacityBytes !== undefined && { capacityBytes }) });
    this.#ledger = new Ledger(this.#called);
    this.violations = this.#ledger.violations;
    const told = (side: Side): Told => new Told(side, this.violations, this.#called);
    this.#told = { client: told("client"), server: told("server") };
  }

  async perform(): Promise<void> {
    const { client, server, steps, welcome } = this.#play;
    const tap = (side: Side, io: Io): Io => new WireTap(side, io, (violation) => this.violations.push(violation));
    const serving = http2.serve(tap("server", this.#link.b), serviceFn(this.#serve), {
      ...server,
      observer: this.#told.server.observer,
    });
    const made = await http2.handshake(tap("client", this.#link.a), {
      ...client,
      observer: this.#told.client.observer,
      onPush: welcome === "none" ? undefined : this.#onPush,
    });
    this.#connections = { client: made.connection, server: serving };
    this.#sender = made.sender;
    for (const side of sides) this.#told[side].isOver = () => machineOf(this.#end(side)).isOver;
    for (const step of steps) {
      this.#act(step);
      if (step.do === "settle") await this.#settle();
      else await turns();
    }
    await this.#finish();
    this.#judge();
  }

  #end(side: Side): http2.Http2Connection {
    if (this.#connections === undefined) throw new Error("the play has not begun");
    return this.#connections[side];
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
    if (this.#connections === undefined) return;
    switch (step.do) {
      case "send":
        this.#send();
        break;
      case "ready":
        if (this.#sender !== undefined) this.#ledger.track("ready()", this.#sender.ready());
        break;
      case "open a gate":
        this.#ledger.openGate();
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
        this.#end(step.side).gracefulShutdown(step.deadlineMs);
        break;
      case "go away":
        this.#end(step.side).goAway(step.code, "enough");
        break;
      case "set window":
        this.#end(step.side).setInitialWindow(step.bytes);
        break;
      case "set connection window":
        this.#end(step.side).setConnectionWindow(step.bytes);
        break;
      case "ping":
        this.#ledger.track("ping()", this.#end(step.side).ping());
        break;
      case "abort":
        this.#end(step.side).abort();
        break;
      case "break":
        (step.side === "client" ? this.#link.a : this.#link.b).abort(new Error("the network broke"));
        break;
      default:
        break;
    }
  }

  /** The engine has called its user: the moment for an ambush. */
  readonly #called = (): void => {
    const { ambush } = this.#play;
    if (this.#calls++ !== ambush?.at || ambush.step.do === "deliver" || ambush.step.do === "wait") return;
    this.#act(ambush.step);
  };

  // The client's user.

  #send(): void {
    const index = this.#sent.length;
    const plan = this.#play.requests[index];
    if (plan === undefined || this.#sender === undefined) return;
    const body = this.#ledger.newBody(plan.body, index);
    const request = newRequest(plan, index, body);
    const controller = new AbortController();
    const sent: Sent = { plan, body, controller, returned: false, response: undefined };
    this.#sent.push(sent);
    const options = plan.bySignal ? { signal: controller.signal, onInformational: this.#called } : {};
    const outcome: Promise<http2.SendOutcome> = plan.byTrySend
      ? this.#sender.trySend(request, options)
      : this.#sender.send(request, options).then(
          (response) => ({ response }),
          (error: HttpError) => ({ error, ...(HttpError.is(error) && isUnsent(error) && { request }) }),
        );
    this.#ledger.track(`send ${index}`, outcome);
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

  #answered({ plan }: Sent, response: HttpResponse, index: number): void {
    const answer = response.headers.get("x-tag");
    if (answer !== null && answer !== undefined && answer !== String(index)) {
      this.violations.push(`request ${index} got answer ${answer}`);
    }
    const { method, reading, service, takesUpgrade } = plan;
    const { status } = response;
    const tunnel = method === "CONNECT" && status < 300;
    // An answer without a tag is the connection's own, which has no content.
    const bodyless = tunnel || method === "HEAD" || [204, 205, 304].includes(status) || answer === undefined;
    const expected: Expected =
      service.outcome === "echo"
        ? { plan: plan.body, tag: index, carried: !bodyless && method !== "CONNECT" }
        : { plan: service.body, tag: responseTag + index, carried: !bodyless };
    void this.#ledger.read(`response ${index}`, response.body, reading, expected);
    if (takesUpgrade) this.#upgrade(`upgrade of response ${index}`, response);
  }

  readonly #onPush = (promise: http2.PushPromise): void => {
    this.#called();
    const { welcome } = this.#play;
    if (welcome === "refuse") promise.cancel();
    if (welcome === "throw") throw new Error("no pushes here");
    if (welcome !== "take") return;
    const tag = Number(promise.request.headers.get("x-tag"));
    const response = promise.response();
    this.#ledger.track(`push ${tag}`, response);
    response.then(
      ({ status, headers, body }) => {
        const plan = this.#pushed.get(tag);
        if (plan === undefined || headers.get("x-tag") !== String(tag)) {
          this.violations.push(`push ${tag} is not what was promised`);
        } else {
          const carried = status !== 204;
          void this.#ledger.read(`push ${tag}`, body, tag % 2 === 0 ? "all" : "slowly", { plan, tag, carried });
        }
      },
      (error) => {
        if (!HttpError.is(error)) this.violations.push(`push ${tag} failed with ${String(error)}`);
      },
    );
  };

  /** A tunnel is written to and ended, and read to its end. */
  #upgrade(name: string, message: HttpRequest | HttpResponse): void {
    const upgraded = upgradeOn(message);
    this.#ledger.track(name, upgraded);
    upgraded.then(
      (io) => {
        this.#tunnels.push(io);
        if (!io.write([Uint8Array.of(1, 2, 3)])) {
          this.#ledger.track(`drained after ${name}`, new Promise<void>((resolve) => io.drained(() => resolve())));
        }
        if (name.endsWith("1")) {
          this.#ledger.track(`shutdown after ${name}`, new Promise<void>((resolve) => io.shutdown(() => resolve())));
        }
        const end = new Promise<void>((resolve) => {
          io.read(function again(chunk) {
            if (chunk === null) resolve();
            else io.read(again);
          });
        });
        this.#ledger.track(`reading after ${name}`, end);
      },
      () => {},
    );
  }

  // The service.

  readonly #serve = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    const index = Number(request.headers.get("x-tag"));
    if (this.#served.has(index)) this.violations.push(`request ${index} was served twice`);
    this.#served.add(index);
    if (this.#told.server.isOver()) this.violations.push("a request was served behind the end");
    const sent = this.#sent[index];
    if (sent === undefined) throw new Error("nobody sent this request");
    this.#called();
    const { plan } = sent;
    const { service } = plan;
    if (service.interim) sendInformational(request, 103, { link: "x" });
    if (service.takesUpgrade) this.#upgrade(`upgrade of request ${index}`, request);
    this.#push(request, service, index);
    const expected: Expected = { plan: plan.body, tag: index, carried: plan.method !== "CONNECT" };
    const echo = service.outcome === "echo";
    const read = echo
      ? Promise.resolve()
      : this.#ledger.read(`request ${index}`, request.body, service.reading, expected);
    const answer = (): HttpResponse => this.#answer(request, service, index);
    if (service.when === "at once" && !service.readsFirst) {
      return service.outcome === "reject" ? Promise.reject("no") : answer();
    }
    const before = service.readsFirst ? read : Promise.resolve();
    if (service.when !== "late") return before.then(answer);
    return before.then(() => new Promise<void>((resolve) => this.#ledger.gate(resolve))).then(answer);
  };

  #answer(request: HttpRequest, { outcome, status, body, close }: ServicePlan, index: number): HttpResponse {
    if (outcome === "throw" || outcome === "reject") throw new Error("the service fails");
    if (outcome === "garbage") return undefined as unknown as HttpResponse;
    const response = new HttpResponse(status, { "x-tag": String(index) });
    if (outcome === "echo") {
      response.body = request.body;
      return response;
    }
    response.body = this.#ledger.newBody(body, responseTag + index);
    const declared = declaredBy(body);
    if (declared !== undefined) response.header("content-length", String(declared));
    if (close) response.header("connection", "close");
    return response;
  }

  #push(request: HttpRequest, { pushes }: ServicePlan, index: number): void {
    const pusher = request.extensions.get(http2.pusherKey);
    if (pusher === undefined) return;
    for (const [at, { answer, status, body }] of pushes.entries()) {
      const tag = pushTag + 10 * index + at;
      try {
        this.#pushed.set(tag, body);
        const pushed = pusher.push(new HttpRequest("GET", "http://a.test/", { "x-tag": String(tag) }));
        const respond = (): void => {
          try {
            const response = new HttpResponse(status, { "x-tag": String(tag) }, this.#ledger.newBody(body, tag));
            const declared = declaredBy(body);
            if (declared !== undefined) response.header("content-length", String(declared));
            this.#ledger.track(`responding to push ${tag}`, pushed.respond(response));
          } catch (error) {
            // It is not taken, so its body is the user's own.
            this.#refused(error);
          }
        };
        if (answer === "at once") respond();
        else if (answer === "late") this.#ledger.gate(respond);
        else if (answer === "take back") this.#ledger.gate(() => pushed.reset());
      } catch (error) {
        this.#refused(error);
      }
    }
  }

  #refused(error: unknown): void {
    if (!HttpError.is(error)) this.violations.push(`push() threw ${String(error)}`);
  }

  // The end.

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
    this.#scrutinise();
  }

  /** Looks into both ends, which are at rest. */
  #scrutinise(): void {
    const [client, server] = sides.map((side) => machineOf(this.#end(side)));
    if (client === undefined || server === undefined) return;
    this.violations.push(...faults(client).map((fault) => `client: ${fault}`));
    this.violations.push(...faults(server).map((fault) => `server: ${fault}`));
    const { queued, local, maxLocal } = this.#end("client").streams;
    if (client.isGreeted && this.#sender?.isClosed === false && queued > 0 && local < maxLocal) {
      this.violations.push(`client: ${queued} requests wait for a stream that they could have`);
    }
    const { a, b } = this.#link;
    if (a.aborted || b.aborted) return;
    if (b.unreadBytes > 0 && client.wantsRead && !client.driver.inputEnded) {
      this.violations.push("client: does not read what is there");
    }
    if (a.unreadBytes > 0 && server.wantsRead && !server.driver.inputEnded) {
      this.violations.push("server: does not read what is there");
    }
    if (a.unreadBytes === 0 && b.unreadBytes === 0) this.violations.push(...differences(client, server));
  }

  /** Users do what they owe, tunnels and unread bodies are given up, and then the clock runs past every limit. */
  async #finish(): Promise<void> {
    await this.#settle();
    this.#ledger.openGates();
    await this.#settle();
    this.#ledger.cancelUnread();
    for (let rounds = 0; this.#timer.pending > 0 || this.#tunnels.length > 0; rounds++) {
      for (const io of this.#tunnels.splice(0)) io.abort();
      if (this.#timer.pending > 0) this.#act({ do: "wait", ms: Math.max(1, this.#timer.nextDelayMs) });
      await this.#settle();
      this.#ledger.cancelUnread();
      if (rounds > 300) {
        this.violations.push("the alarms never end");
        break;
      }
    }
    for (const side of sides) this.#ledger.track(`${side} closed`, this.#end(side).closed);
    await this.#settle();
  }

  #judge(): void {
    if (this.#timer.pending > 0) this.violations.push("an alarm is left");
    if (this.#link.pending > 0) this.violations.push("the link is not idle");
    if (this.#sender?.isClosed !== true) this.violations.push("the sender does not know that it is closed");
    for (const side of sides) {
      this.#told[side].judge();
      const { store } = machineOf(this.#end(side) as Connection).streams;
      if (store.size > 0) this.violations.push(`${side}: ${store.size} records are left`);
    }
    for (const [index, { returned, body, plan }] of this.#sent.entries()) {
      // The body of CONNECT is never sent, and given up as soon as its head is.
      const untouched = body.untouched || plan.method === "CONNECT";
      if (returned && !untouched) this.violations.push(`request ${index} came back with its body touched`);
      if (returned && this.#served.has(index)) this.violations.push(`request ${index} came back and was served`);
    }
    this.#ledger.judge(this.#sent.filter((sent) => sent.returned).map((sent) => sent.body));
  }
}

function newRequest(plan: RequestPlan, index: number, body: PlannedBody): HttpRequest {
  const { method, extended, ballast, expectContinue } = plan;
  const connect = method === "CONNECT";
  const target = connect && !extended ? "a.test:1" : HttpRequest.get("http://a.test/").target;
  const request = new HttpRequest(method, target, undefined, body);
  if (connect && extended) request.extensions.set(http2.protocolKey, "websocket");
  request.header("x-tag", String(index)).header("te", "trailers");
  // Most of it is to be found in the table the next time.
  for (let rest = ballast, at = 0; rest > 0; rest -= 100, at++) request.header(`x-ballast-${at}`, "b".repeat(60));
  const declared = declaredBy(plan.body);
  if (declared !== undefined) request.header("content-length", String(declared));
  if (expectContinue) request.header("expect", "100-continue");
  return request;
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
