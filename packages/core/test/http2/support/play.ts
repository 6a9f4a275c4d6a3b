/**
 * What may happen between an HTTP/2 client and server, as data: who sends what, how the service answers, and what their
 * users, the network and the clock do meanwhile.
 */
import type { ClientOptions, ServerOptions } from "@sluice/core/http2";
import fc from "fast-check";
import { type BodyPlan, bodyPlan as smallBody } from "../../support/planned-body.ts";
import type { Reading, Side } from "../../support/play.ts";

const reading = fc.constantFrom<Reading>("all", "all", "all", "slowly", "one frame", "cancel", "not at all");
const rarely = fc.nat(7).map((number) => number === 7);

/** Some are longer than a frame. */
const bodyPlan: fc.Arbitrary<BodyPlan> = fc.oneof(
  { weight: 25, arbitrary: smallBody },
  { weight: 1, arbitrary: smallBody.map((plan) => ({ ...plan, sizes: [17_000] })) },
);

/** What a service does about a push. */
export interface PushPlan {
  readonly answer: "at once" | "late" | "take back" | "never";
  readonly status: number;
  readonly body: BodyPlan;
}

export interface ServicePlan {
  readonly when: "at once" | "in a promise" | "late";
  readonly outcome: "answer" | "echo" | "throw" | "reject" | "garbage";
  readonly status: number;
  readonly body: BodyPlan;
  readonly reading: Reading;
  /** The answer waits until the request has been read as planned. */
  readonly readsFirst: boolean;
  readonly interim: boolean;
  readonly takesUpgrade: boolean;
  readonly close: boolean;
  readonly pushes: readonly PushPlan[];
}

export interface RequestPlan {
  readonly method: string;
  /** CONNECT is for a protocol (RFC 8441). */
  readonly extended: boolean;
  /** Octets of a field that nobody needs. */
  readonly ballast: number;
  readonly body: BodyPlan;
  readonly expectContinue: boolean;
  readonly reading: Reading;
  readonly takesUpgrade: boolean;
  readonly bySignal: boolean;
  readonly byTrySend: boolean;
  readonly service: ServicePlan;
}

const pushPlan: fc.Arbitrary<PushPlan> = fc.record({
  answer: fc.constantFrom("at once", "at once", "late", "take back", "never"),
  status: fc.constantFrom(200, 200, 204, 404),
  body: bodyPlan,
});

const servicePlan: fc.Arbitrary<ServicePlan> = fc.record({
  when: fc.constantFrom("at once", "in a promise", "late"),
  outcome: fc.constantFrom("answer", "answer", "answer", "answer", "answer", "echo", "throw", "reject", "garbage"),
  status: fc.constantFrom(200, 200, 200, 204, 205, 304, 404),
  body: bodyPlan,
  reading,
  readsFirst: fc.boolean(),
  interim: fc.boolean(),
  takesUpgrade: fc.boolean(),
  close: rarely,
  pushes: fc.array(pushPlan, { maxLength: 2 }),
});

const requestPlan: fc.Arbitrary<RequestPlan> = fc.record({
  method: fc.constantFrom("GET", "GET", "POST", "POST", "HEAD", "PUT", "CONNECT", "OPTIONS"),
  extended: fc.boolean(),
  ballast: fc.constantFrom(0, 0, 0, 0, 0, 0, 400, 3000, 40_000),
  body: bodyPlan,
  expectContinue: fc.nat(3).map((number) => number === 3),
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
  | { readonly do: "go away"; readonly side: Side; readonly code: number }
  | { readonly do: "set window" | "set connection window"; readonly side: Side; readonly bytes: number }
  | { readonly do: "abort" | "break" | "ping"; readonly side: Side };

const side = fc.constantFrom<Side>("client", "server");
/**
 * Credit for a DATA frame may be given back as soon as its header has come, and those who listen to the wire count the frame
 * only when it has come whole: for a moment they see so much more than the largest window.
 */
const mostBytes = 2 ** 31 - 1 - 2 ** 24;
/** Smaller ones would be as good, but a long body takes a frame for each of them. */
const windowBytes = fc.constantFrom(0, 500, 3000, 65_535, 200_000, mostBytes);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 7, arbitrary: fc.constantFrom<Step>({ do: "send" }, { do: "settle" }, { do: "open a gate" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "ready" }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("deliver" as const), count: fc.integer({ min: 1, max: 40 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 1, 999, 1000, 2000, 10_000, 30_000, 90_000, 300_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("signal" as const, "cancel response" as const), index: fc.nat(3) }),
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
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("set window" as const, "set connection window" as const),
      side,
      bytes: windowBytes,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("go away" as const), side, code: fc.constantFrom(0, 2, 77) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("ping" as const), side }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("abort" as const, "break" as const), side }) },
);

/** What the client's user does about a promise of the server. */
export type Welcome = "none" | "take" | "ignore" | "refuse" | "throw";

export interface Play {
  readonly seed: number;
  readonly capacityBytes: number | undefined;
  readonly client: ClientOptions;
  readonly server: ServerOptions;
  readonly welcome: Welcome;
  readonly requests: readonly RequestPlan[];
  readonly steps: readonly Step[];
  /** A step taken in the middle of the `at`th call of the engine into its users' code. */
  readonly ambush: { readonly at: number; readonly step: Step } | undefined;
}

const common = {
  initialWindowBytes: fc.constantFrom(0, 500, 3000, 65_535, 2 ** 31 - 1),
  connectionWindowBytes: fc.constantFrom(65_535, 65_536, 2 ** 31 - 1),
  adaptiveWindow: rarely,
  maxFrameBytes: fc.constantFrom(16_384, 20_000, 16_777_215),
  maxHeaderListBytes: fc.constantFrom(300, 2000, 65_536),
  headerTableBytes: fc.constantFrom(0, 60, 200, 4096, 65_536),
  encoderTableBytes: fc.constantFrom(0, 120, 4096, 65_536),
  maxConcurrentStreams: fc.constantFrom(0, 1, 2, 100),
  maxSendBufferBytes: fc.constantFrom(1, 100, 65_536),
  maxBodyBytes: fc.constantFrom(Number.POSITIVE_INFINITY, 5000),
  maxRememberedResets: fc.constantFrom(0, 1, 1000),
  rememberResetsMs: fc.constantFrom(0, 1000),
  prefaceTimeoutMs: fc.constantFrom(10_000, 500),
  settingsTimeoutMs: fc.constantFrom(10_000, 500),
  idleTimeoutMs: fc.constantFrom(65_000, 1000),
  keepAliveIntervalMs: fc.constantFrom(0, 10_000),
  keepAliveWhileIdle: fc.boolean(),
  bodyTimeoutMs: fc.constantFrom(30_000, 500),
  writeTimeoutMs: fc.constantFrom(30_000, 800),
  stallTimeoutMs: fc.constantFrom(60_000, 900),
  lingerTimeoutMs: fc.constantFrom(1000, 0),
  shutdownTimeoutMs: fc.constantFrom(30_000, 1500),
  maxConnectionAgeMs: fc.constantFrom(0, 0, 5000),
  maxRequestsPerConnection: fc.constantFrom(Number.POSITIVE_INFINITY, 2),
};

const clientOptions: fc.Arbitrary<ClientOptions> = fc.record(
  {
    ...common,
    initialMaxStreams: fc.constantFrom(0, 1, 100),
    maxQueuedRequests: fc.constantFrom(0, 1, Number.POSITIVE_INFINITY),
    headTimeoutMs: fc.constantFrom(60_000, 700),
    requestTimeoutMs: fc.constantFrom(300_000, 2500),
    expectContinueTimeoutMs: fc.constantFrom(1000, 10),
    maxInformational: fc.constantFrom(0, 32),
    probeAfterCancel: fc.boolean(),
    maxReservedStreams: fc.constantFrom(0, 1, 200),
    initialStreamId: fc.constantFrom(1, 1, 2 ** 31 - 3),
  },
  { requiredKeys: [] },
);

const serverOptions: fc.Arbitrary<ServerOptions> = fc.record(
  {
    ...common,
    requestTimeoutMs: fc.constantFrom(300_000, 2500),
    autoDateHeader: fc.boolean(),
    enableConnectProtocol: fc.boolean(),
    priorities: fc.boolean(),
    maxWaitingRequests: fc.constantFrom(1, 512),
  },
  { requiredKeys: [] },
);

export const play: fc.Arbitrary<Play> = fc.record({
  seed: fc.nat(),
  capacityBytes: fc.constantFrom(undefined, 1, 65_536),
  client: clientOptions,
  server: serverOptions,
  welcome: fc.constantFrom<Welcome>("none", "take", "take", "ignore", "refuse", "throw"),
  requests: fc.array(requestPlan, { minLength: 1, maxLength: 4 }),
  steps: fc.array(step, { maxLength: 12 }).map((steps): Step[] => [{ do: "send" }, ...steps]),
  ambush: fc.option(fc.record({ at: fc.nat(20), step }), { nil: undefined, freq: 3 }),
});
