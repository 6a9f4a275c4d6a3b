/**
 * An HTTP/2 client and server on the two ends of one link in memory, under one clock.
 */
import { type Connection, type HttpRequest, type HttpResponse, type Io, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import {
  type FakeTimer,
  fakeTimer,
  type ManualTurns,
  type MemoryPairOptions,
  manualTurns,
  memoryPair,
  type Turns,
} from "@sluice/util/memory";
import { quiet } from "../../support/joined.ts";
import { plain } from "./server.ts";

export interface Joined {
  readonly sender: http2.Sender;
  readonly client: Connection;
  readonly server: Connection;
  readonly timer: FakeTimer;
  /** Lets everything happen that takes no time. */
  run(): Promise<void>;
}

export interface JoinedOptions {
  readonly client?: http2.ClientOptions;
  readonly server?: http2.ServerOptions;
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
  const server = http2.serve(b, serviceFn(call), { ...plain, ...options.server });
  const { sender, connection: client } = await http2.handshake(a, options.client);
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
