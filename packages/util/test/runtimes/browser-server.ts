/**
 * The server of the page that runs the suite: a Sluice server with the suite and the packages as they are built, as modules
 * that an import map finds, and WebSockets by `ws`.
 *
 * The WebSockets are the page's sockets: `/relay/...` joins two of them, so that server and client may both be in the page;
 * `/node/<case>` is a connection to the server's half of a case, which runs here.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import type { Duplex } from "node:stream";
import type { Io } from "@sluice/core";
import { nodeTimer } from "@sluice/util/node";
import { createServer } from "@sluice/util/node-http";
import { webSocketIo } from "@sluice/util/web";
import { type WebSocket, WebSocketServer } from "ws";
import { Halves } from "./browser-halves.ts";

const packages = resolve(import.meta.dirname, "../../..");

export interface BrowserServer extends AsyncDisposable {
  readonly origin: string;
}

export async function startBrowserServer(): Promise<BrowserServer> {
  const server = createServer(answer);
  const sockets = new WebSocketServer({ noServer: true });
  const relay = new Relay();
  const halves = new Halves(nodeTimer);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const [, room = "", verb = "", name = ""] =
      /^\/(relay|node)\/(?:(listen|dial|accept)\/)?(.+)$/.exec(request.url ?? "") ?? [];
    if (verb === "dial" && !relay.listens(name)) return void socket.destroy();
    sockets.handleUpgrade(request, socket, head, (opened) => {
      if (room === "relay") relay.add(verb, name, opened);
      else halves.serve(decodeURIComponent(name), webSocketIo(opened, { info: addressOf(request) }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      halves.end();
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function addressOf(request: IncomingMessage): { remoteAddress?: string } {
  const { remoteAddress } = request.socket;
  return remoteAddress === undefined ? {} : { remoteAddress };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? "/";
  const file = path.startsWith("/@sluice/") ? path.slice("/@sluice/".length) : `util/test/runtimes${path}`;
  if (path === "/") {
    response.setHeader("content-type", "text/html");
    response.end(page());
  } else if (!/^[a-z]+\/(?:dist|test\/runtimes)\/[\w/-]+\.m?js$/.test(file)) {
    response.statusCode = 404;
    response.end();
  } else {
    const text = await readFile(join(packages, file));
    response.setHeader("content-type", "text/javascript");
    response.end(text);
  }
}

/** The page has one module, and the map that lets modules name the packages. */
function page(): string {
  const imports: Record<string, string> = {};
  for (const name of ["body", "core", "util"]) {
    const { exports } = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")) as {
      exports: Record<string, string | { readonly default: string }>;
    };
    for (const [entry, target] of Object.entries(exports)) {
      if (typeof target === "object") imports[join("@sluice", name, entry)] = join("/@sluice", name, target.default);
    }
  }
  return `<!doctype html><meta charset="utf-8"><title>The suite</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">globalThis.suite = await import("/run-browser.mjs"); globalThis.ready = true;</script>`;
}

/** Brings together who dials a port and who listens on it; both are WebSockets of the page. */
class Relay {
  readonly #listeners = new Map<string, WebSocket>();
  readonly #dialled = new Map<string, Io>();
  #last = 0;

  listens(port: string): boolean {
    return this.#listeners.has(port);
  }

  add(verb: string, name: string, socket: WebSocket): void {
    if (verb === "listen") {
      this.#listeners.set(name, socket);
      socket.on("close", () => this.#listeners.delete(name));
    } else if (verb === "dial") {
      const id = String(++this.#last);
      this.#dialled.set(id, webSocketIo(socket));
      this.#listeners.get(name)?.send(id);
    } else {
      const io = this.#dialled.get(name);
      this.#dialled.delete(name);
      if (io === undefined) return socket.terminate();
      const other = webSocketIo(socket);
      pipe(io, other);
      pipe(other, io);
    }
  }
}

/** Everything from one to the other, no faster than it takes it. */
function pipe(from: Io, to: Io): void {
  from.read((chunk, error) => {
    if (error !== undefined) to.abort(error);
    else if (chunk === null) to.shutdown(() => {});
    else if (to.write([chunk])) pipe(from, to);
    else to.drained((failure) => (failure === undefined ? pipe(from, to) : discard(from)));
  });
}

/** Reads on where nobody listens any more: what goes the other way, and the end of that, is to arrive. */
function discard(from: Io): void {
  from.read((chunk) => {
    if (chunk !== null) discard(from);
  });
}
