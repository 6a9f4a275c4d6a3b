/** A client and a server that know nothing but TCP, with a `FaultProxy` between them. */
import type { Timer } from "@sluice/core";
import { expect } from "vitest";
import { type FaultPlan, type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { type PlainPeer, plainClient, plainServer } from "./plain-peer.ts";

export interface Line {
  readonly proxy: FaultProxy;
  readonly client: PlainPeer;
  readonly server: PlainPeer;
}

/** Runs `run` on a connection with `plan`; afterwards nothing of it is left. */
export async function withLine(plan: FaultPlan, run: (line: Line) => Promise<void>, timer?: Timer): Promise<void> {
  await using origin = await plainServer();
  await using proxy = await startFaultProxy({ port: origin.port, plans: () => plan, ...(timer && { timer }) });
  using client = await plainClient(proxy.port);
  await run({ proxy, client, server: await origin.accepted() });
  await proxy.closeAll();
  expect(proxy.openSockets).toBe(0);
}
