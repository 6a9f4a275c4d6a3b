/**
 * One program, three servers: Node's own, and Sluice with HTTP/1.1 and with HTTP/2. What a client sees, and what the program
 * itself notes down, has to be the same on all of them.
 */
import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { listen } from "@sluice/util/node";
import { fromNodeListener, type NodeListener, type NodeListenerOptions } from "@sluice/util/node-http";
import { serveAll } from "@sluice/util/server";
import { expect } from "vitest";

export type Kind = "node" | "h1" | "h2";
export const kinds: readonly Kind[] = ["node", "h1", "h2"];

/** A server that runs. */
export interface Host extends AsyncDisposable {
  readonly kind: Kind;
  readonly port: number;
}

/** Starts `listener` on one of the servers. */
export async function host(kind: Kind, listener: NodeListener, options?: NodeListenerOptions): Promise<Host> {
  if (kind === "node") {
    const server = http.createServer(listener as http.RequestListener);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return {
      kind,
      port,
      async [Symbol.asyncDispose]() {
        server.close();
        server.closeAllConnections();
      },
    };
  }
  const service = fromNodeListener(listener, options);
  const accepting = listen({ host: "127.0.0.1", port: 0 });
  const { port } = await accepting.ready;
  const protocol = kind === "h1" ? "http1" : "http2";
  const serving = serveAll(accepting, (io) => service.forConnection(io), { protocol, onError: () => {} });
  return {
    kind,
    port,
    async [Symbol.asyncDispose]() {
      await serving.abort();
    },
  };
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer | readonly (string | Buffer)[];
}

/** All a client sees of one exchange. */
export interface Seen {
  readonly status: number;
  /** HTTP/1 only. */
  readonly reason: string;
  readonly fields: readonly string[];
  readonly body: Buffer;
  readonly trailers: readonly string[];
  readonly infos: readonly string[];
}

/** Asks once, on a connection of its own or that of `agent`. */
export function ask(target: Host, given: Ask = {}, agent?: http.Agent): Promise<Seen> {
  return target.kind === "h2" ? askH2(target, given) : askH1(target, given, agent);
}

function pieces(body: Ask["body"]): readonly (string | Buffer)[] {
  if (body === undefined) return [];
  return Array.isArray(body) ? body : [body as string | Buffer];
}

function askH1(target: Host, given: Ask, agent: http.Agent | undefined): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const { method = "GET", path = "/", headers = {} } = given;
    const infos: string[] = [];
    const request = http.request({
      host: "127.0.0.1",
      port: target.port,
      method,
      path,
      headers,
      agent: agent ?? false,
    });
    request.on("error", reject);
    request.on("information", (info) => infos.push(`${info.statusCode} ${fieldsOf(info.rawHeaders).join(" | ")}`));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          reason: response.statusMessage ?? "",
          fields: fieldsOf(response.rawHeaders),
          body: Buffer.concat(chunks),
          trailers: fieldsOf(response.rawTrailers),
          infos,
        }),
      );
    });
    for (const piece of pieces(given.body)) request.write(piece);
    request.end();
  });
}

function askH2(target: Host, given: Ask): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const { method = "GET", path = "/", headers = {} } = given;
    const session = http2.connect(`http://127.0.0.1:${target.port}`);
    session.on("error", reject);
    const infos: string[] = [];
    const chunks: Buffer[] = [];
    let status = 0;
    let fields: readonly string[] = [];
    let trailers: readonly string[] = [];
    const { host: authority, ...others } = headers as Record<string, string | string[]>;
    const endStream = given.body === undefined && method !== "POST" && method !== "PUT";
    const outgoing = {
      ":method": method,
      ":path": path,
      ...(authority === undefined ? {} : { ":authority": authority }),
    };
    const stream = session.request({ ...outgoing, ...others } as http2.OutgoingHttpHeaders, { endStream });
    stream.on("headers", (info: http2.IncomingHttpHeaders, _flags: number, raw?: string[]) =>
      infos.push(`${info[":status"]} ${fieldsOf(raw).join(" | ")}`),
    );
    stream.on("response", (head: http2.IncomingHttpStatusHeader, _flags: number, raw?: string[]) => {
      status = head[":status"] ?? 0;
      fields = fieldsOf(raw);
    });
    stream.on("trailers", (_section: http2.IncomingHttpHeaders, _flags: number, raw?: string[]) => {
      trailers = fieldsOf(raw);
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", (error) => {
      session.destroy();
      reject(error);
    });
    stream.on("close", () => {
      session.close();
      if (stream.rstCode !== 0) reject(new Error(`the stream was reset with ${stream.rstCode}`));
      else resolve({ status, reason: "", fields, body: Buffer.concat(chunks), trailers, infos });
    });
    if (!endStream) {
      for (const piece of pieces(given.body)) stream.write(piece);
      stream.end();
    }
  });
}

const ignored = new Set(["date", "connection", "keep-alive"]);

function fieldsOf(raw: readonly string[] = []): string[] {
  const lines: string[] = [];
  for (let i = 0; i < raw.length; i += 2) lines.push(`${raw[i]?.toLowerCase()}: ${raw[i + 1]}`);
  return tidy(lines);
}

function tidy(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith(":") && !ignored.has(line.slice(0, line.indexOf(":")))).sort();
}

/** A program that notes down what happens; a fresh one for each server. */
export type Program = (note: (event: string) => void) => NodeListener | Promise<NodeListener>;

export interface Outcome {
  readonly seen: readonly Seen[];
  readonly notes: readonly string[];
}

/** Runs a program on one server and asks it all of `asks`, one after another, on one connection if it is HTTP/1. */
export async function run(kind: Kind, program: Program, asks: readonly Ask[]): Promise<Outcome> {
  const notes: string[] = [];
  const listener = await program((event) => notes.push(event));
  await using target = await host(kind, listener, { onError: () => {} });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const seen: Seen[] = [];
  for (const one of asks) seen.push(await ask(target, one, agent));
  await quiet(notes);
  agent.destroy();
  return { seen, notes };
}

/** Waits until nothing more has been noted down for a while. */
export async function quiet(notes: readonly string[]): Promise<void> {
  for (let before = -1, same = 0; same < 5; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    same = notes.length === before ? same + 1 : 0;
    before = notes.length;
  }
}

/** Runs a program on all servers; what comes of it on Node's is what is expected of the others. Returns it. */
export function same(program: Program, ...asks: readonly Ask[]): Promise<Outcome> {
  return compare(program, asks, (one) => one);
}

/**
 * As `same`, for a program that settles the head first and gives all content with `end`: Node, which has the length too late,
 * sends chunks, where Sluice, which looks at both together, says the length.
 */
export function sameButLength(program: Program, ...asks: readonly Ask[]): Promise<Outcome> {
  return compare(program, asks, (one) => {
    const fields = one.fields.map((line) =>
      line === "transfer-encoding: chunked" ? `content-length: ${one.body.length}` : line,
    );
    return { ...one, fields: fields.sort() };
  });
}

async function compare(program: Program, asks: readonly Ask[], allow: (one: Seen) => Seen): Promise<Outcome> {
  const nodes = await run("node", program, asks);
  const expected = { ...nodes, seen: nodes.seen.map(allow) };
  const h1 = await run("h1", program, asks);
  expect({ h1: readable(h1) }).toEqual({ h1: readable(expected) });
  const h2 = await run("h2", program, asks);
  expect({ h2: readable(h2) }).toEqual({ h2: readable(inHttp2(expected)) });
  return expected;
}

/** What is left of an outcome on HTTP/2, which has neither framing fields nor reason phrases. */
function inHttp2({ seen, notes }: Outcome): Outcome {
  const framing = (line: string): boolean => !line.startsWith("transfer-encoding:");
  return { seen: seen.map((one) => ({ ...one, reason: "", fields: one.fields.filter(framing) })), notes };
}

function readable({ seen, notes }: Outcome): unknown {
  return { seen: seen.map((one) => ({ ...one, body: one.body.toString("latin1") })), notes };
}

/** Notes the events that tell of an exchange's end. */
export function noteEnds(note: (event: string) => void, req: IncomingMessage, res: ServerResponse): void {
  for (const event of ["aborted", "end", "close", "error"]) req.on(event, () => note(`req ${event}`));
  for (const event of ["finish", "close", "error"]) res.on(event, () => note(`res ${event}`));
}
