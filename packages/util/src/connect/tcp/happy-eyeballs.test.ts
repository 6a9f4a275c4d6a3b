import { HttpError } from "@sluice/core";
import { type FakeTimer, fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import type { ResolvedAddress } from "../dns/resolver.ts";
import { type RaceOptions, type RaceResult, raceAddresses } from "./happy-eyeballs.ts";

/** How an address behaves: connects or refuses after so long, or never answers. */
type Behaviour = { readonly connectsMs: number } | { readonly refusesMs: number } | "silent";

/** A batch of addresses, and when it comes; or the failure of the resolver. */
type Arrival = { readonly atMs: number } & ({ readonly addresses: readonly string[] } | { readonly error: HttpError });

interface Case {
  readonly title: string;
  readonly arrivals: readonly Arrival[];
  /** When the resolver says that nothing more comes. Default: with the last batch. */
  readonly endMs?: number;
  readonly hosts: Readonly<Record<string, Behaviour>>;
  readonly options?: Partial<RaceOptions<string>>;
  /** Each attempt and when it starts. */
  readonly attempts: readonly (readonly [atMs: number, address: string])[];
  /** The winner and when it has won, or the code of the failure and when it is known. */
  readonly end: readonly [atMs: number, outcome: string];
}

const refused = (address: string): HttpError => new HttpError("connect", "ECONNREFUSED", `${address} refused`);
const asAddress = (address: string): ResolvedAddress => ({ address, family: address.includes(":") ? 6 : 4 });

/** A promise that settles after so long, by the fake clock. */
function after<T>(timer: FakeTimer, ms: number, result: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      try {
        resolve(result());
      } catch (error) {
        reject(error);
      }
    };
    if (ms === 0) settle();
    else timer.schedule(ms, settle);
  });
}

/** Lets everything that is due and needs no time happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Stage {
  readonly timer: FakeTimer;
  readonly attempts: [atMs: number, address: string][];
  readonly aborted: string[];
  readonly discarded: string[];
  readonly options: RaceOptions<string>;
}

function stage(given: Pick<Case, "arrivals" | "endMs" | "hosts" | "options">): Stage {
  const timer = fakeTimer();
  const attempts: [number, string][] = [];
  const aborted: string[] = [];
  const discarded: string[] = [];
  const options: RaceOptions<string> = {
    async *addresses() {
      for (const arrival of given.arrivals) {
        yield await after(timer, arrival.atMs - timer.now(), () => {
          if ("error" in arrival) throw arrival.error;
          return arrival.addresses.map(asAddress);
        });
      }
      if (given.endMs !== undefined) await after(timer, given.endMs - timer.now(), () => {});
    },
    dial: ({ address }, signal) => {
      attempts.push([timer.now(), address]);
      signal.addEventListener("abort", () => aborted.push(address));
      const behaviour = given.hosts[address] ?? "silent";
      if (behaviour === "silent") return new Promise(() => {});
      if ("connectsMs" in behaviour) return after(timer, behaviour.connectsMs, () => address);
      return after(timer, behaviour.refusesMs, () => {
        throw refused(address);
      });
    },
    discard: (connection) => void discarded.push(connection),
    timer,
    delayMs: 250,
    resolutionDelayMs: 50,
    attemptTimeoutMs: Infinity,
    maxAttempts: 64,
    what: 'connecting to "h" port 80',
    ...given.options,
  };
  return { timer, attempts, aborted, discarded, options };
}

/** Moves the clock from event to event until the race has ended. */
async function run(on: Stage, signal?: AbortSignal): Promise<RaceResult<string> | HttpError> {
  let outcome: RaceResult<string> | HttpError | undefined;
  raceAddresses(on.options, signal).then(
    (result) => (outcome = result),
    (error: HttpError) => (outcome = error),
  );
  for (await settled(); outcome === undefined; await settled()) {
    if (on.timer.nextDelayMs === Infinity) throw new Error("the race has come to a standstill");
    on.timer.advance(on.timer.nextDelayMs);
  }
  return outcome;
}

const [a6, b6, c6] = ["2001:db8::a", "2001:db8::b", "2001:db8::c"] as const;
const [a4, b4] = ["192.0.2.1", "192.0.2.2"] as const;

const cases: readonly Case[] = [
  {
    title: "IPv6 first and fast: nothing else is tried",
    arrivals: [{ atMs: 0, addresses: [a6, a4] }],
    hosts: { [a6]: { connectsMs: 100 } },
    attempts: [[0, a6]],
    end: [100, a6],
  },
  {
    title: "[hyper-225] IPv4 first in a sorted answer: IPv4 is preferred",
    arrivals: [{ atMs: 0, addresses: [a4, a6] }],
    hosts: { [a4]: { connectsMs: 249 } },
    attempts: [[0, a4]],
    end: [249, a4],
  },
  {
    title: "IPv6 swallows packets: IPv4 starts after the delay and wins",
    arrivals: [{ atMs: 0, addresses: [a6, a4] }],
    hosts: { [a6]: "silent", [a4]: { connectsMs: 20 } },
    attempts: [
      [0, a6],
      [250, a4],
    ],
    end: [270, a4],
  },
  {
    title: "IPv6 refuses: IPv4 starts at once",
    arrivals: [{ atMs: 0, addresses: [a6, a4] }],
    hosts: { [a6]: { refusesMs: 30 }, [a4]: { connectsMs: 20 } },
    attempts: [
      [0, a6],
      [30, a4],
    ],
    end: [50, a4],
  },
  {
    title: "IPv4 preferred and refused: IPv6 starts at once",
    arrivals: [{ atMs: 0, addresses: [a4, a6] }],
    hosts: { [a4]: { refusesMs: 30 }, [a6]: { connectsMs: 20 } },
    attempts: [
      [0, a4],
      [30, a6],
    ],
    end: [50, a6],
  },
  {
    title: "slow but working: the first attempt is not given up and wins although others have started",
    arrivals: [{ atMs: 0, addresses: [a6, a4, b6] }],
    hosts: { [a6]: { connectsMs: 700 }, [a4]: "silent", [b6]: "silent" },
    attempts: [
      [0, a6],
      [250, a4],
      [500, b6],
    ],
    end: [700, a6],
  },
  {
    title: "families take turns, then the rest of the longer one",
    arrivals: [{ atMs: 0, addresses: [a6, b6, c6, a4, b4] }],
    hosts: {},
    options: { attemptTimeoutMs: 10_000 },
    attempts: [
      [0, a6],
      [250, a4],
      [500, b6],
      [750, b4],
      [1000, c6],
    ],
    end: [11_000, "CONNECT_TIMEOUT"],
  },
  {
    title: "all refuse: each starts when the one before has failed, and the first failure is reported",
    arrivals: [{ atMs: 0, addresses: [a6, b6, a4] }],
    hosts: { [a6]: { refusesMs: 10 }, [a4]: { refusesMs: 20 }, [b6]: { refusesMs: 30 } },
    attempts: [
      [0, a6],
      [10, a4],
      [30, b6],
    ],
    end: [60, "ECONNREFUSED"],
  },
  {
    title: "a failure of the latest attempt starts the next one, and its delay counts anew",
    arrivals: [{ atMs: 0, addresses: [a6, a4, b6, b4] }],
    hosts: { [a4]: { refusesMs: 100 }, [b4]: { connectsMs: 5 } },
    attempts: [
      [0, a6],
      [250, a4],
      [350, b6],
      [600, b4],
    ],
    end: [605, b4],
  },
  {
    title: "a failure of an earlier attempt starts the next one too",
    arrivals: [{ atMs: 0, addresses: [a6, a4, b6] }],
    hosts: { [a6]: { refusesMs: 300 }, [b6]: { connectsMs: 1 } },
    attempts: [
      [0, a6],
      [250, a4],
      [300, b6],
    ],
    end: [301, b6],
  },
  {
    title: "one after the other: no attempt starts before the last has failed",
    arrivals: [{ atMs: 0, addresses: [a6, a4] }],
    hosts: { [a6]: { refusesMs: 5000 }, [a4]: { connectsMs: 20 } },
    options: { delayMs: Infinity },
    attempts: [
      [0, a6],
      [5000, a4],
    ],
    end: [5020, a4],
  },
  {
    title: "one after the other, addresses that come later: they wait as well",
    arrivals: [
      { atMs: 0, addresses: [a6] },
      { atMs: 10, addresses: [a4] },
    ],
    hosts: { [a6]: { refusesMs: 40 }, [a4]: { connectsMs: 20 } },
    options: { delayMs: Infinity },
    attempts: [
      [0, a6],
      [40, a4],
    ],
    end: [60, a4],
  },
  {
    title: "AAAA first: connecting does not wait for A",
    arrivals: [
      { atMs: 10, addresses: [a6] },
      { atMs: 400, addresses: [a4] },
    ],
    hosts: { [a6]: { connectsMs: 100 } },
    attempts: [[10, a6]],
    end: [110, a6],
  },
  {
    title: "A first, AAAA within the resolution delay: IPv6 is preferred",
    arrivals: [
      { atMs: 10, addresses: [a4] },
      { atMs: 59, addresses: [a6] },
    ],
    hosts: { [a6]: { connectsMs: 100 }, [a4]: { connectsMs: 1 } },
    attempts: [[59, a6]],
    end: [159, a6],
  },
  {
    title: "A first, AAAA too late: IPv4 starts after the resolution delay, IPv6 joins by turn",
    arrivals: [
      { atMs: 10, addresses: [a4, b4] },
      { atMs: 100, addresses: [a6] },
    ],
    hosts: { [a6]: { connectsMs: 5 } },
    attempts: [
      [60, a4],
      [310, a6],
    ],
    end: [315, a6],
  },
  {
    title: "A first, and no AAAA: IPv4 starts as soon as that is known",
    arrivals: [{ atMs: 10, addresses: [a4] }],
    endMs: 25,
    hosts: { [a4]: { connectsMs: 5 } },
    attempts: [[25, a4]],
    end: [30, a4],
  },
  {
    title: "A first, and AAAA fails: IPv4 starts as soon as that is known",
    arrivals: [
      { atMs: 10, addresses: [a4] },
      { atMs: 25, error: new HttpError("connect", "ESERVFAIL", "no answer") },
    ],
    hosts: { [a4]: { connectsMs: 5 } },
    attempts: [[25, a4]],
    end: [30, a4],
  },
  {
    title: "an answer that comes after the delay has passed: its address starts at once",
    arrivals: [
      { atMs: 0, addresses: [a6] },
      { atMs: 400, addresses: [a4] },
    ],
    hosts: { [a4]: { connectsMs: 5 } },
    attempts: [
      [0, a6],
      [400, a4],
    ],
    end: [405, a4],
  },
  {
    title: "all known addresses have failed: the race waits for the rest of the answer",
    arrivals: [
      { atMs: 0, addresses: [a6] },
      { atMs: 300, addresses: [a4] },
    ],
    hosts: { [a6]: { refusesMs: 1 }, [a4]: { connectsMs: 5 } },
    attempts: [
      [0, a6],
      [300, a4],
    ],
    end: [305, a4],
  },
  {
    title: "an attempt that takes too long counts as failed",
    arrivals: [{ atMs: 0, addresses: [a6, a4] }],
    hosts: { [a4]: { connectsMs: 5 } },
    options: { attemptTimeoutMs: 100 },
    attempts: [
      [0, a6],
      [100, a4],
    ],
    end: [105, a4],
  },
  {
    title: "no more than maxAttempts addresses are tried, and the rest is not waited for",
    arrivals: [
      { atMs: 0, addresses: [a6, a4, b6, b4] },
      { atMs: 1000, addresses: [c6] },
    ],
    hosts: { [a6]: { refusesMs: 1 }, [a4]: { refusesMs: 1 } },
    options: { maxAttempts: 2 },
    attempts: [
      [0, a6],
      [1, a4],
    ],
    end: [2, "ECONNREFUSED"],
  },
  {
    title: "the resolver fails: its error",
    arrivals: [{ atMs: 40, error: new HttpError("connect", "EAI_AGAIN", "try later") }],
    hosts: {},
    attempts: [],
    end: [40, "EAI_AGAIN"],
  },
  { title: "the resolver gives nothing", arrivals: [], hosts: {}, attempts: [], end: [0, "ENOTFOUND"] },
  {
    title: "a name instead of an address is not dialled",
    arrivals: [{ atMs: 0, addresses: ["example.com", a4] }],
    hosts: { [a4]: { refusesMs: 1 } },
    attempts: [[0, a4]],
    end: [1, "ADDRESS_INVALID"],
  },
];

describe("[hyper-223] order, delays and failures of either family give the winner and the time", () => {
  test.each(cases)("$title", async (given) => {
    const on = stage(given);
    const outcome = await run(on);
    expect(on.attempts).toEqual(given.attempts);
    expect([on.timer.now(), outcome instanceof HttpError ? outcome.code : outcome.connection]).toEqual(given.end);
    if (outcome instanceof HttpError) return;
    const [[firstMs]] = given.attempts as [[number, string]];
    expect(outcome.address.address).toBe(outcome.connection);
    expect([outcome.resolvedMs, outcome.connectedMs]).toEqual([firstMs, given.end[0] - firstMs]);
    // Whatever was still running is aborted, and nothing else.
    const running = on.attempts.filter(([atMs, address]) => {
      const behaviour = given.hosts[address] ?? "silent";
      const failedMs =
        typeof behaviour === "object" && "refusesMs" in behaviour ? atMs + behaviour.refusesMs : Infinity;
      return address !== outcome.connection && failedMs > on.timer.now();
    });
    expect(on.aborted).toEqual(running.map(([, address]) => address));
  });
});

describe("what is left of a race", () => {
  test("losers are aborted and alarms taken back when one has won; one that connects nevertheless is discarded", async () => {
    const on = stage({
      arrivals: [{ atMs: 0, addresses: [a6, a4, b6] }],
      hosts: { [a6]: { connectsMs: 400 }, [a4]: { connectsMs: 100 } },
    });
    expect(await run(on)).toMatchObject({ connection: a4 });
    expect(on.aborted).toEqual([a6]);
    expect(on.discarded).toEqual([]);
    expect(on.timer.pending).toBe(1); // the stubborn dial of this test
    on.timer.advance(1000);
    await settled();
    expect(on.discarded).toEqual([a6]);
    expect(on.attempts).toHaveLength(2);
  });

  test("two connect at the same time: the first wins, the other is discarded", async () => {
    const on = stage({
      arrivals: [{ atMs: 0, addresses: [a6, a4] }],
      hosts: { [a6]: { connectsMs: 300 }, [a4]: { connectsMs: 50 } },
    });
    expect(await run(on)).toMatchObject({ connection: a6 });
    expect(on.discarded).toEqual([a4]);
  });

  test("the resolver is told that nobody needs the rest", async () => {
    let resolving: AbortSignal | undefined;
    const on = stage({ arrivals: [], hosts: { [a6]: { connectsMs: 10 } } });
    const options: RaceOptions<string> = {
      ...on.options,
      async *addresses(signal) {
        resolving = signal;
        yield [asAddress(a6)];
        await new Promise(() => {});
      },
    };
    expect(await run({ ...on, options })).toMatchObject({ connection: a6 });
    expect(resolving?.aborted).toBe(true);
    expect(on.timer.pending).toBe(0);
  });

  const phases = [
    { title: "before it begins", abortMs: -1, arrivals: [], attempts: [] },
    { title: "while resolving", abortMs: 5, arrivals: [{ atMs: 10, addresses: [a6] }], attempts: [] },
    { title: "in the resolution delay", abortMs: 5, arrivals: [{ atMs: 1, addresses: [a4] }], endMs: 99, attempts: [] },
    { title: "while dialling", abortMs: 260, arrivals: [{ atMs: 0, addresses: [a6, a4] }], attempts: [a6, a4] },
  ];
  test.each(phases)("canceled $title: attempts are aborted, no alarm and no listener is left", async (given) => {
    const on = stage({ hosts: {}, ...given });
    const controller = new AbortController();
    const reason = new Error("enough");
    const listeners = countListeners(controller.signal);
    if (given.abortMs < 0) controller.abort(reason);
    else on.timer.schedule(given.abortMs, () => controller.abort(reason));
    const error = await run(on, controller.signal);
    expect(error).toMatchObject({ kind: "canceled", code: "CANCELED", cause: reason });
    expect(on.attempts.map(([, address]) => address)).toEqual(given.attempts);
    expect(on.aborted).toEqual(given.attempts);
    expect(listeners.size).toBe(0);
    on.timer.advance(10_000);
    await settled();
    expect(on.attempts.map(([, address]) => address)).toEqual(given.attempts);
    expect(on.timer.pending).toBe(0);
  });

  test("the signal has no listener after a connection was made", async () => {
    const on = stage({ arrivals: [{ atMs: 0, addresses: [a6] }], hosts: { [a6]: { connectsMs: 1 } } });
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    await run(on, signal);
    expect(listeners.size).toBe(0);
  });
});

describe("failures", () => {
  test("of a single attempt: that error itself", async () => {
    const on = stage({ arrivals: [{ atMs: 0, addresses: [a6] }], hosts: { [a6]: { refusesMs: 1 } } });
    const error = (await run(on)) as HttpError;
    expect(error).toMatchObject({ kind: "connect", code: "ECONNREFUSED", message: `${a6} refused` });
  });

  test("of several: the first is the main one, the cause holds all, the resolver's last", async () => {
    const late = new HttpError("connect", "ESERVFAIL", "no answer");
    const on = stage({
      arrivals: [
        { atMs: 0, addresses: [a6, a4] },
        { atMs: 5, error: late },
      ],
      hosts: { [a6]: { refusesMs: 100 }, [a4]: { refusesMs: 100 } },
      options: { attemptTimeoutMs: 60 },
    });
    const error = (await run(on)) as HttpError;
    expect(error).toMatchObject({ kind: "timeout", code: "CONNECT_TIMEOUT" });
    expect(error.message).toBe(
      `connecting to "h" port 80 at ${a6} took longer than attemptTimeoutMs allows (60 ms) (the first of 3 failures)`,
    );
    const cause = error.cause as AggregateError;
    expect(cause).toBeInstanceOf(AggregateError);
    expect((cause.errors as HttpError[]).map(({ code }) => code)).toEqual([
      "CONNECT_TIMEOUT",
      "CONNECT_TIMEOUT",
      "ESERVFAIL",
    ]);
  });

  test("a dial that throws at once counts as failed", async () => {
    const on = stage({ arrivals: [{ atMs: 0, addresses: [a6] }], hosts: {} });
    const options: RaceOptions<string> = {
      ...on.options,
      dial: () => {
        throw new TypeError("broken");
      },
    };
    const error = (await run({ ...on, options })) as HttpError;
    expect(error).toMatchObject({ kind: "connect", code: "CONNECT_FAILED" });
    expect(error.cause).toBeInstanceOf(TypeError);
  });
});

/** The listeners that are on `signal`. */
function countListeners(signal: AbortSignal): Set<unknown> {
  const present = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    present.add(given[1]);
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    present.delete(given[1]);
    removeEventListener.apply(signal, given);
  };
  return present;
}
