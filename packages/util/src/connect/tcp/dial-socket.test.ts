import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { fakeTimer } from "@sluice/util/memory";
import { afterEach, describe, expect, test } from "vitest";
import { dialSocket, discardIo } from "./dial-socket.ts";

const timer = fakeTimer();
const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

/** A server; `accepted` waits for its first connection, from which nothing was read. */
async function listening(): Promise<{ port: number; accepted: Promise<Socket> }> {
  const server = createServer((socket) => open.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({ destroy: () => void server.close() });
  const accepted = once(server, "connection").then(([socket]) => socket as Socket);
  return { port: (server.address() as { port: number }).port, accepted };
}

describe("dialSocket", () => {
  test("a connection that lost the race is ended, not reset", async () => {
    const { port, accepted } = await listening();
    const io = await dialSocket({ host: "127.0.0.1", port }, timer, undefined, "x");
    const peer = await accepted;
    const events: string[] = [];
    peer.on("error", () => events.push("error")).on("end", () => events.push("end"));
    const closed = once(peer.resume(), "close");
    discardIo(io);
    await closed;
    expect(events).toEqual(["end"]);
  });

  test("what the peer sent before anybody read is not lost", async () => {
    const { port, accepted } = await listening();
    const io = await dialSocket({ host: "127.0.0.1", port }, timer, undefined, "x");
    (await accepted).end("early");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await new Promise((done) => io.read((chunk) => done(String(chunk))))).toBe("early");
    expect(await new Promise((done) => io.read((chunk) => done(chunk)))).toBe(null);
    io.abort();
  });

  test("an aborted signal makes no socket", async () => {
    const { port } = await listening();
    const before = process.getActiveResourcesInfo().length;
    const dialling = dialSocket({ host: "127.0.0.1", port }, timer, AbortSignal.abort("why"), "x");
    expect(process.getActiveResourcesInfo()).toHaveLength(before);
    await expect(dialling).rejects.toMatchObject({ kind: "canceled", cause: "why" });
  });

  test("what net.connect throws is a rejection", async () => {
    await expect(dialSocket({ host: "127.0.0.1", port: 70_000 }, timer, undefined, "x")).rejects.toThrow(RangeError);
  });
});
