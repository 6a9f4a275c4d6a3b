/**
 * What may happen between a client and a server, as data: who sends what, how the service answers, and what their users,
 * the network and the clock do meanwhile.
 */
import type { ClientOptions, ServerOptions } from "@sluice/core/http1";
import fc from "fast-check";
import { type BodyPlan, bodyPlan } from "./planned-body.ts";

/** How a received body is treated. */
export type Reading = "all" | "slowly" | "one frame" | "cancel" | "not at all";

const reading = fc.constantFrom<Reading>("all", "all", "all", "slowly", "one frame", "cancel", "not at all");

export interface RequestPlan {
  readonly method: string;
  readonly old: boolean;
  readonly body: BodyPlan;
  readonly expectContinue: boolean;
  readonly upgrade: boolean;
  readonly close: boolean;
  readonly reading: Reading;
  /** Asks the response for its upgrade. */
  readonly takesUpgrade: boolean;
  readonly bySignal: boolean;
  readonly byTrySend: boolean;
  readonly service: ServicePlan;
}

export interface ServicePlan {
  readonly when: "at once" | "in a promise" | "late";
  readonly outcome: "answer" | "throw" | "reject" | "garbage";
  readonly status: number;
  readonly body: BodyPlan;
  readonly reading: Reading;
  /** The answer waits until the request has been read as planned. */
  readonly readsFirst: boolean;
  readonly interim: boolean;
  readonly takesUpgrade: boolean;
  readonly close: boolean;
}

const rarely = fc.nat(7).map((number) => number === 7);

const servicePlan: fc.Arbitrary<ServicePlan> = fc.record({
  when: fc.constantFrom("at once", "in a promise", "late"),
  outcome: fc.constantFrom("answer", "answer", "answer", "answer", "answer", "answer", "throw", "reject", "garbage"),
  status: fc.constantFrom(200, 200, 200, 204, 304, 101, 404),
  body: bodyPlan,
  reading,
  readsFirst: fc.boolean(),
  interim: fc.boolean(),
  takesUpgrade: fc.boolean(),
  close: rarely,
});

const requestPlan: fc.Arbitrary<RequestPlan> = fc.record({
  method: fc.constantFrom("GET", "GET", "POST", "POST", "HEAD", "PUT", "CONNECT", "OPTIONS"),
  old: rarely,
  body: bodyPlan,
  expectContinue: fc.nat(3).map((number) => number === 3),
  upgrade: fc.nat(3).map((number) => number === 3),
  close: rarely,
  reading,
  takesUpgrade: fc.boolean(),
  bySignal: fc.boolean(),
  byTrySend: fc.boolean(),
  service: servicePlan,
});

/** Something a user, the network or the clock does. */
export type Step =
  | { readonly do: "send" | "ready" | "settle" | "open a gate" }
  | { readonly do: "deliver"; readonly count: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "signal" | "cancel response"; readonly index: number }
  | { readonly do: "shut down"; readonly side: Side; readonly deadlineMs: number | undefined }
  | { readonly do: "abort" | "break" | "take"; readonly side: Side };

export type Side = "client" | "server";

const side = fc.constantFrom<Side>("client", "server");

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Step>({ do: "send" }, { do: "settle" }, { do: "open a gate" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "ready" }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("deliver" as const), count: fc.integer({ min: 1, max: 40 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 1, 999, 1000, 2000, 30_000, 65_000, 90_000, 300_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("signal" as const, "cancel response" as const), index: fc.nat(2) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("shut down" as const),
      side,
      deadlineMs: fc.constantFrom(undefined, 0, 500),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("abort" as const, "break" as const, "take" as const), side }),
  },
);

export interface Play {
  readonly seed: number;
  readonly capacityBytes: number | undefined;
  readonly client: ClientOptions;
  readonly server: ServerOptions;
  readonly requests: readonly RequestPlan[];
  readonly steps: readonly Step[];
  /** A step taken in the middle of the `at`th call of the engine into its users' code. */
  readonly ambush: { readonly at: number; readonly step: Step } | undefined;
}

const limits = {
  maxBufferBytes: fc.constantFrom(8192, 417_792),
  maxBodyBytes: fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 5000),
  maxRequestsPerConnection: fc.constantFrom(Number.POSITIVE_INFINITY, 2),
  maxConnectionAgeMs: fc.constantFrom(0, 0, 5000),
  idleTimeoutMs: fc.constantFrom(65_000, 1000),
  bodyTimeoutMs: fc.constantFrom(30_000, 500),
  writeTimeoutMs: fc.constantFrom(30_000, 800),
  lingerTimeoutMs: fc.constantFrom(2000, 0),
  writeStrategy: fc.constantFrom<"auto" | "queue">("auto", "queue"),
};

const clientOptions: fc.Arbitrary<ClientOptions> = fc.record(
  {
    ...limits,
    pipelining: fc.constantFrom(1, 3),
    headTimeoutMs: fc.constantFrom(60_000, 700),
    requestTimeoutMs: fc.constantFrom(300_000, 2500),
    http09Responses: fc.boolean(),
  },
  { requiredKeys: [] },
);

const serverOptions: fc.Arbitrary<ServerOptions> = fc.record(
  {
    ...limits,
    headTimeoutMs: fc.constantFrom(30_000, 700),
    requestTimeoutMs: fc.constantFrom(300_000, 2500),
    halfClose: fc.boolean(),
    keepAlive: fc.boolean(),
    maxDrainBytes: fc.constantFrom(65_536, 10),
    pipelineFlush: fc.boolean(),
    abortOnServiceError: fc.boolean(),
  },
  { requiredKeys: [] },
);

export const play: fc.Arbitrary<Play> = fc.record({
  seed: fc.nat(),
  capacityBytes: fc.constantFrom(undefined, 1, 65_536),
  client: clientOptions,
  server: serverOptions,
  requests: fc.array(requestPlan, { minLength: 1, maxLength: 3 }),
  steps: fc.array(step, { maxLength: 12 }).map((steps): Step[] => [{ do: "send" }, ...steps]),
  ambush: fc.option(fc.record({ at: fc.nat(12), step }), { nil: undefined, freq: 3 }),
});
