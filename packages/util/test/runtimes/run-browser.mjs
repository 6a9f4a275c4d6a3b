/**
 * Runs the suite in a page, which has no sockets: over message ports, and over WebSockets. The page calls one of these with
 * the names of cases.
 */
import { HttpError } from "@sluice/core";
import { messagePortIo, timer, webSocketIo } from "@sluice/util/web";
import { runCase, runSuite } from "./suite.mjs";

/** Server and client in this page, a `MessageChannel` for each connection. */
export function overMessagePorts(names) {
  const listening = new Map();
  let last = 0;
  return runSuite(
    {
      timer,
      async listen(serve) {
        const port = ++last;
        listening.set(port, serve);
        return { port, close: async () => void listening.delete(port) };
      },
      async connect(port) {
        const { port1, port2 } = new MessageChannel();
        listening.get(port)(messagePortIo(port1));
        return messagePortIo(port2);
      },
    },
    names,
  );
}

/** Server and client in this page; the server of the page brings their WebSockets together. */
export function overWebSockets(names) {
  return runSuite(webSockets(), names);
}

function webSockets() {
  let last = 0;
  return {
    timer,
    async listen(serve) {
      const port = ++last;
      const control = await opened(`/relay/listen/${port}`);
      control.addEventListener("message", ({ data }) => serve(webSocketIo(open(`/relay/accept/${data}`))));
      return { port, close: async () => control.close() };
    },
    connect: async (port) => webSocketIo(await opened(`/relay/dial/${port}`)),
  };
}

/** What a WebSocket is given up for: what becomes of the reader and of the writer. */
export async function refusals() {
  const { listen, connect } = webSockets();
  const accepted = [];
  const server = await listen((io) => accepted.push(io));
  const writer = await connect(server.port);
  const chunk = new Uint8Array(65_536);
  let stopped;
  while (stopped === undefined) {
    if (!writer.write([chunk])) stopped = await new Promise((resolve) => writer.drained(resolve));
  }
  const unread = await failure(accepted[0]);
  await server.close();
  // To who listens the relay sends text.
  const listener = webSocketIo(await opened("/relay/listen/text"));
  await connect("text");
  return [unread, stopped, await failure(listener)].map(({ kind, code }) => `${kind} ${code}`);
}

function failure(io) {
  return new Promise((resolve) => io.read((_, error) => resolve(error)));
}

/** The client's half of each case in this page; the server's half runs in Node, which has the same suite. */
export async function toNode(names) {
  const lines = [];
  for (const name of names) {
    const place = `/node/${encodeURIComponent(name)}`;
    const runtime = {
      timer,
      listen: async () => ({ port: place, close: async () => {} }),
      connect: async (port) => webSocketIo(await opened(port)),
    };
    lines.push(await runCase(runtime, name));
  }
  return lines;
}

function open(place) {
  return new WebSocket(new URL(place, location.href.replace(/^http/, "ws")));
}

let last = Promise.resolve();

/** One after the other: Chromium makes a page that opens many at a time wait for seconds. */
function opened(place) {
  const attempt = async () => {
    const socket = open(place);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new HttpError("io", "CONNECT_FAILED", "no WebSocket")));
    });
    return socket;
  };
  const socket = last.then(attempt);
  last = socket.catch(() => {});
  return socket;
}
