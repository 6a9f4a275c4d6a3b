/**
 * The account of the connection's window: whatever became of what the peer has sent, all of it is to be given back, and
 * nothing twice (RFC 9113 sections 5.1, 6.9).
 *
 * Credit is gathered until it is half of the window, so what is owed cannot be seen at once. It shows by where the next
 * WINDOW_UPDATE falls: at exactly the octet that makes it half.
 */
import { expect } from "vitest";
import { expectQuiet } from "./expectations.ts";
import type { UnderTest } from "./under-test.ts";
import { defaultWindow } from "./windows.ts";

/** Options for a connection whose window is that of RFC 9113 6.9.2, so that no WINDOW_UPDATE raises it. */
export const smallWindow = { connectionWindowBytes: defaultWindow } as const;

/** Credit is given back once there is so much of it. */
export const halfWindow = 32_768;

/**
 * Nothing that was received on the connection is held or lost: all of it has been given back or is about to be.
 *
 * @param streamId A stream whose content is read as it comes.
 * @param frameBytes The largest frame to send on it.
 */
export async function expectAllGivenBack(target: UnderTest, streamId: number, frameBytes = 16_384): Promise<void> {
  const { peer } = target;
  await target.run();
  const owed = defaultWindow - peer.allowance(0);
  expect(owed).toBeLessThan(halfWindow);
  for (let rest = halfWindow - owed - 1; rest > 0; rest -= frameBytes) {
    peer.data(streamId, Math.min(rest, frameBytes));
    // Its own window is opened again.
    await target.run();
  }
  expect(await updates(target, streamId)).toEqual([]);
  peer.data(streamId, 1);
  expect(await updates(target, streamId)).toEqual([`WINDOW_UPDATE 0 +${halfWindow}`]);
  expect(peer.allowance(0)).toBe(defaultWindow);
  await expectQuiet(target);
}

/** What was written but what the stream itself is given back. */
async function updates({ peer, run }: UnderTest, streamId: number): Promise<string[]> {
  await run();
  return peer.take().filter((line) => !line.startsWith(`WINDOW_UPDATE ${streamId} `));
}
