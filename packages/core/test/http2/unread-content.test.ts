/**
 * Content that nobody will read: what it cost is given back with it, so no number of such streams wears a connection out.
 */
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { smallWindow } from "./support/credit.ts";
import { expectFrames } from "./support/expectations.ts";
import { serveHeld } from "./support/held.ts";
import { get, getText, post, status } from "./support/messages.ts";
import { okText } from "./support/server.ts";

const rounds = 300;

describe("streams that end with content unread wear nothing out", () => {
  for (const [what, end] of [
    ["the client resets them", "rst"],
    ["the client breaks its rules", "break"],
    ["the service answers without reading", "respond"],
    ["the service fails", "fail"],
    ["the request is whole, and the service answers without reading", "whole"],
    ["the request is whole, and the client resets it", "whole, rst"],
  ] as const) {
    test(`[h2-179] on a server, when ${what}`, async () => {
      const { server, call } = await serveHeld(smallWindow);
      const { peer } = server;
      for (let i = 0; i < rounds; i++) {
        const id = 1 + 2 * i;
        peer.headers(id, post());
        peer.data(id, "x", { endStream: end.startsWith("whole") });
        if (end.endsWith("rst")) peer.rst(id, "CANCEL");
        else if (end === "break") peer.windowUpdate(id, 0);
        await server.run();
        if (end === "fail") call(i).fail(new Error("no"));
        else call(i).respond(new HttpResponse(200));
        await server.run();
      }
      expect(server.outcome).toBe(undefined);
      expect(server.io.isReading).toBe(true);
      peer.take();
      const id = 1 + 2 * rounds;
      peer.headers(id, get("/ok"), { endStream: true });
      await expectFrames(server, [okText(id)]);
    });
  }

  for (const [what, end] of [
    ["the server resets them", "rst"],
    ["the server breaks its rules", "break"],
    ["the program drops them", "drop"],
    ["the program drops them whole", "whole"],
  ] as const) {
    test(`[h2-179] on a client, when ${what}`, async () => {
      const client = await connectH2(smallWindow);
      const { peer } = client;
      for (let i = 0; i < rounds; i++) {
        const id = 1 + 2 * i;
        const sent = send(client, HttpRequest.get("http://a.test/"));
        await client.run();
        peer.headers(id, status(200));
        peer.data(id, "x", { endStream: end === "whole" });
        await expectSent(client, sent, "200");
        if (end === "rst") peer.rst(id, "CANCEL");
        else if (end === "break") peer.windowUpdate(id, 0);
        else sent.response?.body.cancel();
        await client.run();
      }
      expect(client.io.isReading).toBe(true);
      peer.take();
      const id = 1 + 2 * rounds;
      const sent = send(client, HttpRequest.get("http://a.test/"));
      await expectFrames(client, [`HEADERS ${id} END_STREAM ${getText}`]);
      peer.headers(id, status(204), { endStream: true });
      await expectSent(client, sent, "204");
    });
  }
});
