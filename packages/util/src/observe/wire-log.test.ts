import { full } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, type Observer, sendInformational } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { fakeTimer, memoryPair } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { wireLog } from "./wire-log.ts";

/** A log whose clock is moved by hand and starts anywhere. */
function logging(connection?: string) {
  const lines: string[] = [];
  const clock = { ms: 5000.0001 };
  const now = (): number => clock.ms;
  const observer = wireLog((line) => lines.push(line), connection === undefined ? { now } : { now, connection });
  return { lines, clock, observer };
}

const secret = "hunter2";
const request = new HttpRequest("GET", `https://${secret}.example/${secret}?${secret}`, { cookie: secret });
const response = new HttpResponse(404, { "set-cookie": secret }, full(secret));
const error = new HttpError("parse", "FIELD_INVALID", `got "${secret}"`, { cause: new Error(secret), reason: 1 });

describe("wireLog", () => {
  test("frames: type, stream, flags, length and details, in this order", () => {
    const { lines, clock, observer } = logging();
    const facts = { type: "RST_STREAM", streamId: 3, length: 4, flags: [], errorCode: "CANCEL" };
    observer.frameReceived?.(facts);
    clock.ms += 1.23456;
    observer.frameSent?.({ type: "DATA", streamId: 1, length: 9, flags: ["END_STREAM", "PADDED"] });
    observer.frameSent?.({ type: "SETTINGS", streamId: 0, length: 6, flags: [], settings: { ENABLE_PUSH: 0 } });
    expect(lines).toEqual([
      '{"t":0,"ev":"in","type":"RST_STREAM","stream":3,"flags":[],"length":4,"errorCode":"CANCEL"}',
      '{"t":1.235,"ev":"out","type":"DATA","stream":1,"flags":["END_STREAM","PADDED"],"length":9}',
      '{"t":1.235,"ev":"out","type":"SETTINGS","stream":0,"flags":[],"length":6,"settings":{"ENABLE_PUSH":0}}',
    ]);
  });

  test("streams, stalls, defences and answered PINGs", () => {
    const { lines, observer } = logging("b7");
    observer.streamChanged?.(1, "idle", "half-closed (remote)");
    observer.stalled?.(0, "connection window");
    observer.defenceCounted?.("resets", 12);
    observer.pingAnswered?.(0.123456);
    expect(lines).toEqual([
      '{"t":0,"c":"b7","ev":"stream","stream":1,"from":"idle","to":"half-closed (remote)"}',
      '{"t":0,"c":"b7","ev":"stall","stream":0,"by":"connection window"}',
      '{"t":0,"c":"b7","ev":"defence","name":"resets","count":12}',
      '{"t":0,"c":"b7","ev":"ping","rtt":0.123}',
    ]);
  });

  test("messages: methods, schemes, status codes, kinds and codes of errors, and nothing else of them", () => {
    const { lines, observer } = logging();
    observer.bytesRead?.(10);
    observer.bytesWritten?.(10);
    observer.requestStarted?.(request);
    observer.requestStarted?.(new HttpRequest("OPTIONS", "*"));
    observer.informational?.(request, 103, response.headers);
    observer.responseStarted?.(request, response);
    observer.serviceFailed?.(request, error);
    observer.exchangeEnded?.(request);
    observer.exchangeEnded?.(request, error);
    observer.connectionClosed?.();
    observer.connectionClosed?.(error);
    expect(lines).toEqual([
      '{"t":0,"ev":"request","method":"GET","scheme":"https"}',
      '{"t":0,"ev":"request","method":"OPTIONS"}',
      '{"t":0,"ev":"interim","status":103}',
      '{"t":0,"ev":"response","status":404}',
      '{"t":0,"ev":"end"}',
      '{"t":0,"ev":"end","kind":"parse","code":"FIELD_INVALID"}',
      '{"t":0,"ev":"close"}',
      '{"t":0,"ev":"close","kind":"parse","code":"FIELD_INVALID"}',
    ]);
  });

  test("lines are one line each, whatever names hold", () => {
    const { lines, observer } = logging('a\n\u2028"b"');
    observer.defenceCounted?.("x\r\ny", 1);
    expect(lines.join("")).not.toMatch(/[\r\n]/);
    expect(JSON.parse(lines[0] ?? "")).toEqual({ t: 0, c: 'a\n\u2028"b"', ev: "defence", name: "x\r\ny", count: 1 });
  });

  test("times are of the platform's clock by default", () => {
    const lines: string[] = [];
    const observer = wireLog((line) => lines.push(line));
    observer.connectionClosed?.();
    const { t } = JSON.parse(lines[0] ?? "") as { t: number };
    expect(t).toBeGreaterThanOrEqual(0);
    expect(Number.isInteger(Math.round(t * 1e6) / 1e3)).toBe(true);
  });

  test("both ends of an HTTP/1 connection", async () => {
    const timer = fakeTimer();
    const lines: string[] = [];
    const observer = (connection: string): Observer =>
      wireLog((line) => lines.push(line), { now: () => timer.now(), connection });
    const [a, b] = memoryPair({ timer });
    const service = {
      call: (received: HttpRequest): HttpResponse => {
        sendInformational(received, 103, { link: secret });
        return new HttpResponse(200, { "x-secret": secret }, full(secret));
      },
    };
    const server = http1.serve(b, service, { observer: observer("server") });
    const { sender, connection } = await http1.handshake(a, { observer: observer("client") });
    timer.advance(1.5);
    const answer = await sender.send(new HttpRequest("POST", `/${secret}`, { host: "h" }, full(secret)));
    for await (const _frame of answer.body);
    timer.advance(2);
    connection.abort();
    await expect(connection.closed).rejects.toThrow();
    await expect(server.closed).rejects.toThrow();
    const of = (name: string): string[] =>
      lines.filter((line) => line.includes(`"c":"${name}"`)).map((line) => line.replace(`,"c":"${name}"`, ""));
    expect(of("client")).toEqual([
      '{"t":1.5,"ev":"request","method":"POST"}',
      '{"t":1.5,"ev":"interim","status":103}',
      '{"t":1.5,"ev":"response","status":200}',
      '{"t":1.5,"ev":"end"}',
      '{"t":3.5,"ev":"close","kind":"canceled","code":"ABORTED"}',
    ]);
    expect(of("server")).toEqual([
      '{"t":1.5,"ev":"request","method":"POST"}',
      '{"t":1.5,"ev":"interim","status":103}',
      '{"t":1.5,"ev":"response","status":200}',
      '{"t":1.5,"ev":"end"}',
      '{"t":3.5,"ev":"close","kind":"io","code":"ECONNRESET"}',
    ]);
    expect(lines.length).toBe(10);
  });
});
