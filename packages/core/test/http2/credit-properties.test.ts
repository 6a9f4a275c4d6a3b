/**
 * The connection's window after anything at all: content read, dropped, refused or cut off on any streams in any order
 * leaves an account that is even (see `connection-credit.test.ts` for what can happen, one by one).
 */
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runs } from "../support/runs.ts";
import { connectH2, readResponse, type Sent, send } from "./support/client.ts";
import { expectAllGivenBack, smallWindow } from "./support/credit.ts";
import { serveHeld } from "./support/held.ts";
import { post, status } from "./support/messages.ts";
import type { Peer } from "./support/peer.ts";
import { read } from "./support/reading.ts";
import { pass } from "./support/under-test.ts";

const options = { ...smallWindow, initialWindowBytes: 8_000, rememberResetsMs: 100 } as const;

/** What happens next, to one of the streams so far or to one that is new. */
interface Step {
  readonly what: "open" | "data" | "end" | "reset" | "break" | "answer" | "fail" | "take" | "read" | "cancel" | "wait";
  readonly stream: number;
  readonly length: number;
  readonly padding: number | undefined;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom<Step["what"]>(
    ...(["open", "open", "data", "data", "data", "data", "data", "end", "reset", "break"] as const),
    ...(["answer", "fail", "take", "take", "read", "cancel", "cancel", "wait"] as const),
  ),
  stream: fc.nat(5),
  length: fc.oneof(fc.nat(20), fc.nat(3_000)),
  padding: fc.option(fc.nat(255), { nil: undefined }),
});

const plan = fc.record({
  steps: fc.array(step, { maxLength: 40 }),
  /** Chunks end within frames. */
  cut: fc.integer({ min: 1, max: 2_000 }),
});

/** DATA within the connection's window, whatever the stream's says. */
function data(peer: Peer, streamId: number, { what, length, padding }: Step): void {
  if (length + 256 > peer.allowance(0)) return;
  peer.data(streamId, length, { ...(padding === undefined ? {} : { padding }), endStream: what === "end" });
}

describe("the account is even in the end", () => {
  test("[h2-180, h2-303] on a server", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ steps, cut }) => {
        const held = await serveHeld(options, { tear: () => cut });
        const { server, calls } = held;
        const { peer } = server;
        let opened = 0;
        for (const next of steps) {
          const at = next.stream % Math.max(1, opened);
          const id = 1 + 2 * at;
          if (next.what === "open") peer.headers(1 + 2 * opened++, post("/", ["n", "x".repeat(next.length % 50)]));
          else if (next.what === "wait") await pass(server, 60);
          else if (opened === 0) continue;
          else if (next.what === "data" || next.what === "end") data(peer, id, next);
          else if (next.what === "reset") peer.rst(id, "CANCEL");
          else if (next.what === "break") peer.windowUpdate(id, 2 ** 31 - 1);
          else if (next.what === "answer") calls[at]?.respond(new HttpResponse(200, undefined, full("fine")));
          else if (next.what === "fail") calls[at]?.fail(new Error("no"));
          else if (next.what === "cancel") calls[at]?.request.body.cancel();
          else if (next.what === "read" && calls[at] !== undefined) read(calls[at].request.body);
          else if (next.what === "take" && calls[at] !== undefined) void takeOne(calls[at].request.body);
          if (next.length % 2 === 0) await server.run();
        }
        await server.run();
        for (const call of calls) call.respond(new HttpResponse(200));
        for (let id = 1; id < 2 * opened; id += 2) peer.rst(id, "CANCEL");
        await server.run();
        expect(server.outcome).toBe(undefined);
        const last = 1 + 2 * opened;
        peer.headers(last, post());
        await server.run();
        read(held.call(calls.length - 1).request.body);
        await server.run();
        peer.take();
        await expectAllGivenBack(server, last, 2_000);
      }),
      runs(60),
    );
  });

  test("[h2-180, h2-303] on a client", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ steps, cut }) => {
        const client = await connectH2(options, { tear: () => cut });
        const { peer } = client;
        const sent: Sent[] = [];
        const aborts: AbortController[] = [];
        const open = async (): Promise<void> => {
          const controller = new AbortController();
          aborts.push(controller);
          sent.push(send(client, HttpRequest.get("http://a.test/"), { signal: controller.signal }));
          await client.run();
          peer.headers(2 * sent.length - 1, status(200));
          await client.run();
        };
        for (const next of steps) {
          const at = next.stream % Math.max(1, sent.length);
          const id = 1 + 2 * at;
          const body = sent[at]?.response?.body;
          if (next.what === "open") await open();
          else if (next.what === "wait") await pass(client, 60);
          else if (sent.length === 0) continue;
          else if (next.what === "data" || next.what === "end") data(peer, id, next);
          else if (next.what === "reset") peer.rst(id, "CANCEL");
          else if (next.what === "break") peer.windowUpdate(id, 2 ** 31 - 1);
          else if (next.what === "fail") aborts[at]?.abort();
          else if (next.what === "cancel") body?.cancel();
          else if (next.what === "read" && body !== undefined) read(body);
          else if (next.what === "take" && body !== undefined) void takeOne(body);
          if (next.length % 2 === 0) await client.run();
        }
        await client.run();
        for (const { response } of sent) response?.body.cancel();
        await client.run();
        expect(client.outcome).toBe(undefined);
        await open();
        readResponse(sent.at(-1) as Sent);
        await client.run();
        peer.take();
        await expectAllGivenBack(client, 2 * sent.length - 1, 2_000);
      }),
      runs(60),
    );
  });
});

/** Asks for one frame, whatever comes of it. */
async function takeOne(body: HttpRequest["body"]): Promise<void> {
  try {
    await body.frame();
  } catch {
    // Somebody reads already, or it is over.
  }
}
