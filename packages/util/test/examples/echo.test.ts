/** echo.mjs: both ways at once, no further ahead than its client reads, and clients that leave. */
import { type Body, channel, collect, HeaderMap, isData } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { expect, test } from "vitest";
import { plainClient } from "../support/plain-peer.ts";
import { ask, versions } from "./exchange.ts";
import { startExample } from "./program.ts";
import { newClient } from "./support.ts";

async function next(body: Body): Promise<string> {
  const frame = await body.frame();
  return frame !== null && isData(frame) ? Buffer.from(frame).toString() : "";
}

test.each(versions)(
  "echo.mjs over %s: what is sent is back before the next is sent, trailers at the end",
  async (version) => {
    await using program = await startExample("echo.mjs");
    await using client = newClient({ version });
    const { sender, body } = channel(1);
    const fields = { "content-type": "text/x", trailer: "x-end", te: "trailers" };
    const request = HttpRequest.post(`http://127.0.0.1:${program.port}/`, body, fields);
    const sent = client.request(request);
    await sender.sendData("one");
    const response = await sent;
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/x"]);
    expect(await next(response.body)).toBe("one");
    await sender.sendData("two");
    expect(await next(response.body)).toBe("two");
    await sender.sendTrailers(new HeaderMap({ "x-end": "three" }));
    sender.close();
    const rest = collect(response.body);
    expect([await rest.text(), (await rest.trailers())?.get("x-end")]).toEqual(["", "three"]);
    expect(await program.printed(1)).toEqual([version === "http2" ? "HTTP/2: echoed" : "HTTP/1.1: echoed"]);
  },
);

test("echo.mjs: a client that does not read is soon not read from, and gets it all in the end", async () => {
  await using program = await startExample("echo.mjs");
  using peer = await plainClient(program.port);
  peer.socket.pause();
  const total = 128 * 1_048_576;
  peer.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${total}\r\nconnection: close\r\n\r\n`);
  const chunk = Buffer.alloc(1_048_576, "x");
  for (let sent = 0; sent < total; sent += chunk.length) peer.socket.write(chunk);
  // Until nothing has moved for a while: what is out lies in the buffers of the kernel, and a little of it in the program.
  let out = -1;
  const written = (): number => peer.socket.bytesWritten - peer.socket.writableLength;
  for (let still = 0; still < 50; still = written() === out ? still + 1 : 0) {
    out = written();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(out).toBeLessThan(64 * 1_048_576);
  let received = 0;
  peer.socket.removeAllListeners("data");
  peer.socket.on("data", (data: Buffer) => (received += data.length));
  peer.socket.resume();
  expect(await peer.outcome()).toBe("FIN");
  expect(received).toBeGreaterThan(total);
  expect(await program.printed(1)).toEqual(["HTTP/1.1: echoed"]);
});

test("echo.mjs: a client that leaves in the middle, and one that asks for something else", async () => {
  await using program = await startExample("echo.mjs");
  using peer = await plainClient(program.port);
  peer.send("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
  while (!peer.received.endsWith("half\r\n") && !peer.received.endsWith("half"))
    await peer.bytes(peer.received.length + 1);
  peer.socket.resetAndDestroy();
  expect(await program.printed(1)).toEqual(["HTTP/1.1: ECONNRESET"]);
  expect(await ask(program.port, "/")).toEqual({
    status: 405,
    fields: { allow: "POST, PUT", "content-length": "0" },
    text: "",
  });
  expect(await program.stop()).toBe(0);
});
