/**
 * A client and a server connection on the two ends of one link in memory, under one clock.
 */
import { type Connection, type HttpRequest, type HttpResponse, type Io, serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import {
  type FakeTimer,
  fakeTimer,
  type ManualTurns,
  type MemoryPairOptions,
  manualTurns,
  memoryPair,
  type Turns,
} from "@sluice/util/memory";
import { plain } from "./wire.ts";

export interface Joined {
  readonly sender: http1.Sender;
  readonly client: Connection;
  readonly server: Connection;
  readonly timer: FakeTimer;
  /** Lets everything happen that takes no time. */
  run(): Promise<void>;
}

export interface JoinedOptions {
  readonly client?: http1.ClientOptions;
  readonly server?: http1.ServerOptions;
  /** Default turns: manual, run by `run`. */
  readonly link?: Omit<MemoryPairOptions, "timer">;
}

export async function join(
  call: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>,
  options: JoinedOptions = {},
): Promise<Joined> {
  const timer = fakeTimer();
  const turns = options.link?.turns ?? manualTurns();
  const [a, b]: [Io, Io] = memoryPair({ ...options.link, turns, timer });
  const server = http1.serve(b, serviceFn(call), { ...plain, ...options.server });
  const { sender, connection: client } = await http1.handshake(a, options.client);
  return {
    sender,
    client,
    server,
    timer,
    run: () =>
      quiet(() => {
        const stepped = isManual(turns) && turns.pump() > 0;
        if (timer.nextDelayMs > 0) return stepped;
        timer.advance(0);
        return true;
      }),
  };
}

function isManual(turns: Turns): turns is ManualTurns {
  return "pump" in turns;
}

/** Calls `work` until it has nothing to do any more, with time for all promises between. */
export async function quiet(work: () => boolean): Promise<void> {
  for (let rounds = 0, idle = 0; idle < 2; rounds++) {
    if (rounds > 100_000) throw new Error("the two ends keep each other busy");
    idle = work() ? 0 : idle + 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
