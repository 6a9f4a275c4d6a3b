/**
 * Traffic to look at: a server and its clients, in this process and over real sockets of this machine. What it shows: many
 * streams at once, pushes, stalls by either window, a reset, an upload, a shutdown, a defence that ends a connection, and
 * HTTP/1.1. The log is the server's.
 */
import { connect } from "node:net";
import { type Body, collect, full } from "@sluice/body";
import { type Connection, HttpRequest, HttpResponse, type Service, sendInformational, serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { listen, nodeIo } from "../node/index.ts";
import { wireLog } from "../observe/index.ts";
import { auto } from "../server/index.ts";

const host = "127.0.0.1";
/** Longer than any of it takes on a machine that is busy. */
const limitMs = 30_000;
const KiB = 1024;
/** Enough to be seen as a span, in milliseconds. */
const pauseMs = 12;
/** How many resets the server lets pass, and how many come back: few enough for the defence to fire however slow all is. */
const resets = { resetsBurst: 12, resetsPerSecond: 1 };

/** What each connection is called, in the order in which they are made. */
const names = ["page", "downloads", "rapid reset", "http/1.1"];

/** Runs it and calls `write` with each line of the log. Rejects if it does not come to its end. */
export async function demo(write: (line: string) => void): Promise<void> {
  const limit = AbortSignal.timeout(limitMs);
  const listener = listen({ host, signal: limit });
  const origin = performance.now();
  const connections: Connection[] = [];
  const serving = (async () => {
    for await (const io of listener) {
      const connection = names[connections.length] ?? `connection ${connections.length + 1}`;
      const observer = wireLog(write, { connection, origin, heads: true, bytes: true });
      connections.push(auto.serve(io, service, { observer, http2: resets }));
    }
  })();
  const { port } = await listener.ready;
  try {
    for (const part of [loadPage, download, resetRapidly, speakHttp1]) await part(port);
    await Promise.allSettled(connections.map(({ closed }) => closed));
  } finally {
    // Where a part has failed.
    for (const connection of connections) connection.abort();
    await listener.close();
    await serving;
  }
  limit.throwIfAborted();
}

const pause = (ms: number = pauseMs): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const types: Readonly<Record<string, string>> = { css: "text/css", js: "text/javascript", png: "image/png" };

const service: Service = serviceFn(async (request) => {
  const { path } = request.target;
  const content = sizeOf(path);
  if (request.method === "POST") {
    const received = await collect(request.body).bytes();
    return new HttpResponse(201, { location: `/notes/7?size=${received.length}` });
  }
  if (path === "/") {
    sendInformational(request, 103, { link: "</app.css>; rel=preload" });
    const pusher = request.extensions.get(http2.pusherKey);
    const pushed = pusher?.push(HttpRequest.get(`http://${request.authority ?? host}/app.css`));
    pushed?.respond(response("text/css", 9 * KiB)).catch(() => {});
    await pause(4);
    return response("text/html; charset=utf-8", 5 * KiB, { "set-cookie": "visitor=81; HttpOnly" });
  }
  if (path.startsWith("/slow/")) await pause(8 + (content % 9));
  if (path.startsWith("/never/")) await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
  if (path.startsWith("/missing")) return new HttpResponse(404, { "content-type": "text/plain" }, full("not here\n"));
  return response(types[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream", content);
});

/** A number of octets in a path, as in `/tile-2048.png`. */
function sizeOf(path: string): number {
  return Math.min(Number(/-(\d+)/.exec(path)?.[1] ?? 100), 4096 * KiB);
}

function response(type: string, size: number, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return new HttpResponse(200, { "content-type": type, ...headers }, full(new Uint8Array(size)));
}

interface Client {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpResponse>;
  readonly send: http2.Sender["send"];
  readonly url: (path: string) => string;
  close(): Promise<void>;
}

async function http2Client(port: number, options: http2.ClientOptions = {}): Promise<Client> {
  const { sender, connection } = await http2.handshake(nodeIo(connect(port, host)), options);
  const url = (path: string): string => `http://${host}:${port}${path}`;
  return {
    url,
    send: sender.send.bind(sender),
    get: (path, headers = {}) => sender.send(HttpRequest.get(url(path), headers)),
    async close() {
      connection.gracefulShutdown();
      await connection.closed.catch(() => {});
    },
  };
}

const read = (body: Body): Promise<unknown> => collect(body).bytes();

/** A page with its parts: a push, many streams at once, a request that is given up, an upload. */
async function loadPage(port: number): Promise<void> {
  const pushes: Promise<unknown>[] = [];
  const client = await http2Client(port, {
    onPush: (promise) =>
      pushes.push(
        promise.response().then(
          ({ body }) => read(body),
          () => {},
        ),
      ),
  });
  const page = await client.get("/", { accept: "text/html", cookie: "visitor=80", "user-agent": "demo/1" });
  await read(page.body);
  const parts = ["/app-24000.js", "/slow/font-18000.woff2", "/logo-3000.png", "/missing.png"];
  for (let tile = 0; tile < 18; tile++) parts.push(`/slow/tile-${700 + tile * 613}.png`);
  const load = async (path: string): Promise<unknown> =>
    read((await client.get(path, { referer: client.url("/?from=mail") })).body);
  const giveUp = async (): Promise<void> => {
    const controller = new AbortController();
    const video = await client.send(HttpRequest.get(client.url("/video-900000.mp4")), { signal: controller.signal });
    await video.body.frame();
    controller.abort();
  };
  const upload = async (): Promise<unknown> => {
    const content = full(new Uint8Array(40 * KiB));
    const note = new HttpRequest("POST", client.url("/notes"), { authorization: "Bearer d3m0" }, content);
    return read((await client.send(note)).body);
  };
  await Promise.all([...parts.map(load), giveUp(), upload()]);
  await Promise.all(pushes);
  await client.close();
}

/** Downloads that are read slowly: the stream's window is used up first, then that of the connection. */
async function download(port: number): Promise<void> {
  const client = await http2Client(port, { initialWindowBytes: 48 * KiB, connectionWindowBytes: 96 * KiB });
  const one = await client.get("/film-200000.mp4");
  await pause();
  await readSlowly(one.body);
  const several = await Promise.all(["/a-90000.bin", "/b-90000.bin", "/c-90000.bin"].map((path) => client.get(path)));
  await pause(2 * pauseMs);
  await Promise.all(several.map(({ body }) => read(body)));
  await client.close();
}

async function readSlowly(body: Body): Promise<void> {
  for (let frames = 0; (await body.frame()) !== null; frames++) if (frames % 4 === 3) await pause(pauseMs / 3);
}

/** Requests that are given up as soon as they are made, until the server has had enough. */
async function resetRapidly(port: number): Promise<void> {
  const client = await http2Client(port);
  await read((await client.get("/ok-64.txt")).body);
  for (let times = 0; times < 3 * resets.resetsBurst; times++) {
    const controller = new AbortController();
    const request = HttpRequest.get(client.url(`/never/${times}`));
    const over = client.send(request, { signal: controller.signal }).then(
      () => undefined,
      (error: unknown) => error,
    );
    await pause(1);
    controller.abort();
    await over;
  }
  await client.close();
}

/** The same server in the version before, request after request. */
async function speakHttp1(port: number): Promise<void> {
  const { sender, connection } = await http1.handshake(nodeIo(connect(port, host)));
  const headers = { host: `${host}:${port}`, authorization: "Basic ZGVtbzpkZW1v" };
  for (const path of ["/index-4000.html", "/slow/report-260000.pdf", "/missing"]) {
    await read((await sender.send(HttpRequest.get(path, headers))).body);
    await pause(3);
  }
  await read((await sender.send(new HttpRequest("POST", "/notes", headers, full(new Uint8Array(70 * KiB))))).body);
  connection.gracefulShutdown();
  await connection.closed.catch(() => {});
}
