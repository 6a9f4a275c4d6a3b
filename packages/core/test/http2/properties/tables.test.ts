/**
 * The tables that compress fields are the same at both ends (RFC 7541 section 2.2, RFC 9113 section 4.3) whatever was sent
 * and whatever became of it: requests and responses, informational ones, trailers, promises, on streams that are refused,
 * reset or over, with fields that are too many, within tables of any size.
 */
import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { fakeTimer, manualTurns, memoryPair } from "@sluice/util/memory";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Http2Machine } from "../../../src/h2/connection/machine.ts";
import { OctetWriter } from "../../../src/h2/octet-writer.ts";
import { propertyTimeoutMs, runs } from "../../support/runs.ts";
import { Lines, tableLines } from "../support/hpack.ts";
import { differences, faults, machineOf } from "../support/scrutiny.ts";
import { watchUnhandled } from "../support/unhandled.ts";
import { WireTap } from "../support/wire-tap.ts";

const unhandled = watchUnhandled();

type FieldPlan = readonly [name: number, length: number, sensitive: boolean];

interface Step {
  readonly what:
    | ("request" | "data" | "trailers" | "cancel" | "respond" | "inform" | "answer data" | "answer trailers" | "refuse")
    | ("push" | "respond to push" | "take back" | "window" | "shut down");
  readonly stream: number;
  readonly fields: readonly FieldPlan[];
  readonly end: boolean;
  /** What was sent arrives behind this step; otherwise the next one crosses it. */
  readonly arrives: boolean;
}

const field = fc.tuple(
  fc.nat(6),
  fc.constantFrom(0, 0, 1, 2, 30, 90, 300, 3000),
  fc.nat(9).map((n) => n === 9),
);

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom<Step["what"]>(
    ...(["request", "request", "request", "request", "data", "trailers", "cancel", "respond", "respond"] as const),
    ...(["respond", "inform", "answer data", "answer trailers", "refuse", "push", "push"] as const),
    ...(["respond to push", "take back", "window", "shut down"] as const),
  ),
  stream: fc.nat(3),
  fields: fc.array(field, { maxLength: 5 }),
  end: fc.boolean(),
  arrives: fc.boolean(),
});

const common = {
  headerTableBytes: fc.constantFrom(0, 50, 100, 200, 4096, 10_000),
  encoderTableBytes: fc.constantFrom(0, 90, 4096, 10_000),
  maxHeaderListBytes: fc.constantFrom(400, 1500, 65_536),
  maxConcurrentStreams: fc.constantFrom(1, 2, 100),
};

const plan = fc.record({
  client: fc.record({ ...common, initialMaxStreams: fc.constant(100) }, { requiredKeys: [] }),
  server: fc.record(common, { requiredKeys: [] }),
  steps: fc.array(step, { maxLength: 16 }),
});

type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

function addFields(message: HttpRequest | HttpResponse, fields: readonly FieldPlan[]): void {
  for (const [name, length, sensitive] of fields) {
    message.headers.append(
      name === 6 ? "cookie" : `x-${name}`,
      "v".repeat(length),
      sensitive ? { sensitive } : undefined,
    );
  }
}

/** Nothing that is over can be used, and nothing is sent that the other end would not take. */
function tried(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    expect((error as Error).name).toBe("HttpError");
  }
}

class Joined {
  readonly found: string[] = [];
  readonly #timer = fakeTimer();
  readonly #turns = manualTurns();
  readonly #client: http2.StreamClient;
  readonly #server: http2.StreamServer;
  readonly #sent: http2.SentRequest[] = [];
  readonly #accepted: http2.Accepted[] = [];
  readonly #answers = new Map<http2.SendResponse, http2.SendStream>();
  readonly #pushed: http2.SendPushedResponse[] = [];

  constructor({ client, server }: Plan) {
    const [a, b] = memoryPair({ timer: this.#timer, turns: this.#turns });
    const found = (violation: string): void => void this.found.push(violation);
    const onPush = (promise: http2.PushPromise): void => void promise.response();
    this.#client = http2.connect(new WireTap("client", a, found), { ...client, onPush });
    this.#server = http2.accept(new WireTap("server", b, found), server);
    void this.#accept();
  }

  get machines(): [client: Http2Machine, server: Http2Machine] {
    return [machineOf(this.#client.connection), machineOf(this.#server.connection)];
  }

  async rest(): Promise<void> {
    do {
      this.#timer.advance(0);
      for (let i = 0; i < 4; i++) await Promise.resolve();
    } while (this.#turns.pump() > 0 || this.#timer.nextDelayMs === 0);
    const [client, server] = this.machines;
    this.found.push(...faults(client, true), ...faults(server, true), ...differences(client, server));
  }

  act({ what, stream, fields, end }: Step): void {
    const sent = this.#sent[stream % Math.max(1, this.#sent.length)];
    const accepted = this.#accepted[stream % Math.max(1, this.#accepted.length)];
    const pushed = this.#pushed[stream % Math.max(1, this.#pushed.length)];
    switch (what) {
      case "request":
        this.#request(fields, end);
        break;
      case "data":
        sent?.send.sendData(new Uint8Array(3), end);
        break;
      case "trailers":
        sent?.send.sendTrailers({ "x-trailer": String(fields.length) });
        break;
      case "cancel":
        sent?.send.sendReset();
        break;
      case "respond":
        if (accepted !== undefined) this.#respond(accepted.respond, fields, end);
        break;
      case "inform":
        accepted?.respond.sendInformational(103, { link: "v".repeat(fields[0]?.[1] ?? 1) });
        break;
      case "answer data":
        if (accepted !== undefined) this.#answers.get(accepted.respond)?.sendData(new Uint8Array(3), end);
        break;
      case "answer trailers":
        if (accepted !== undefined) this.#answers.get(accepted.respond)?.sendTrailers({ "x-trailer": "1" });
        break;
      case "refuse":
        accepted?.respond.sendReset();
        break;
      case "push":
        if (accepted !== undefined) this.#push(accepted.respond, fields);
        break;
      case "respond to push":
        if (pushed !== undefined) this.#respond(pushed, fields, end);
        break;
      case "take back":
        pushed?.sendReset();
        break;
      case "window":
        this.#client.connection.setInitialWindow(fields.length * 1000);
        break;
      default:
        if (stream === 0) this.#server.connection.gracefulShutdown();
        break;
    }
  }

  end(): void {
    this.#client.connection.abort();
    this.#server.connection.abort();
  }

  get alarms(): number {
    return this.#timer.pending;
  }

  async #accept(): Promise<void> {
    try {
      for await (const accepted of this.#server) this.#accepted.push(accepted);
    } catch {
      // The connection was ended.
    }
  }

  #request(fields: readonly FieldPlan[], endStream: boolean): void {
    const request = new HttpRequest(endStream ? "GET" : "POST", "http://a.test/");
    addFields(request, fields);
    const sent = this.#client.sendRequest(request, { endStream });
    sent.response.catch(() => {});
    this.#sent.push(sent);
  }

  #respond(respond: http2.SendResponse, fields: readonly FieldPlan[], end: boolean): void {
    const response = new HttpResponse(200);
    addFields(response, fields);
    this.#answers.set(respond, respond.sendResponse(response, end));
  }

  #push(respond: http2.Respond, fields: readonly FieldPlan[]): void {
    const request = new HttpRequest("GET", "http://a.test/pushed");
    addFields(request, fields);
    this.#pushed.push(respond.pushRequest(request));
  }
}

/** A block without fields, which tells the other end how the table has changed. */
function tell({ encoder }: Http2Machine, { decoder }: Http2Machine): void {
  const writer = new OctetWriter();
  encoder.begin(writer);
  const block = writer.take();
  decoder.begin(new Lines());
  decoder.decode(block, 0, block.length);
  decoder.end();
}

test(
  "[h2-070] tables stay the same",
  async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const joined = new Joined(given);
        for (const next of given.steps) {
          tried(() => joined.act(next));
          if (next.arrives) await joined.rest();
        }
        await joined.rest();
        expect(joined.found).toEqual([]);
        const [client, server] = joined.machines;
        if (!(client.isOver || server.isOver)) {
          tell(client, server);
          tell(server, client);
          expect(tableLines(server.decoder.table)).toEqual(tableLines(client.encoder.table));
          expect(tableLines(client.decoder.table)).toEqual(tableLines(server.encoder.table));
        }
        joined.end();
        expect(joined.alarms).toBe(0);
        expect(unhandled()).toEqual([]);
      }),
      runs(20_000),
    );
  },
  propertyTimeoutMs,
);
