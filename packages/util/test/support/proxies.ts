/** Small proxies and origins on real sockets, on free ports of this machine. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { full } from "@sluice/body";
import { type HttpRequest, HttpResponse, type Io, serviceFn, upgradeOn } from "@sluice/core";
import { serve } from "@sluice/core/http1";
import { nodeIo } from "@sluice/util/node";

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** What it was asked for, one line for each request. */
  readonly asked: readonly string[];
  /** Connections that are open. */
  readonly open: number;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

type Accept = (socket: Socket | TLSSocket, asked: string[]) => void;

async function start(accept: Accept, certificate?: Certificate): Promise<TestServer> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const accepted = (socket: Socket | TLSSocket): void => accept(socket, asked);
  const server: Server = certificate
    ? createTlsServer({ ...certificate, ALPNProtocols: ["h2", "http/1.1"] }, accepted)
    : createServer({ allowHalfOpen: true }, accepted);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** Speaks first, as mail servers do, and then gives back what it is sent, to the end. */
export function startEcho(): Promise<TestServer> {
  return start((socket) => {
    socket.write("220 ready\r\n");
    socket.pipe(socket);
  });
}

/** Answers each request with its target. */
export function startHttpOrigin(certificate?: Certificate): Promise<TestServer> {
  return start((socket, asked) => {
    const service = serviceFn((request: HttpRequest) => {
      asked.push(`${request.method} ${request.target}`);
      return new HttpResponse(200, {}, full(`for ${request.target}`));
    });
    serve(nodeIo(socket), service).closed.catch(() => {});
  }, certificate);
}

export interface HttpProxyOptions {
  readonly credentials?: Credentials;
  /** With TLS. */
  readonly certificate?: Certificate;
}

/** An HTTP proxy: CONNECT opens a tunnel; a target in absolute-form is answered with what would be forwarded. */
export function startHttpProxy({ credentials, certificate }: HttpProxyOptions = {}): Promise<TestServer> {
  return start((socket, asked) => {
    const service = serviceFn(async (request: HttpRequest) => {
      asked.push(`${request.method} ${request.target}`);
      if (credentials !== undefined && request.headers.get("proxy-authorization") !== basic(credentials)) {
        return new HttpResponse(407, { "proxy-authenticate": 'Basic realm="test"' }, full("no"));
      }
      if (request.method !== "CONNECT") return new HttpResponse(200, {}, full(`would ask for ${request.target}`));
      const origin = await dial(request.target.toString());
      if (origin === undefined) return new HttpResponse(502);
      void upgradeOn(request).then((tunnel) => join(tunnel, nodeIo(origin)));
      return new HttpResponse(200);
    });
    serve(nodeIo(socket), service).closed.catch(() => {});
  }, certificate);
}

/** A SOCKS proxy of version 4, 4a and 5, written from the RFCs alone, that answers in single bytes if told to. */
export function startSocksProxy(
  options: { readonly credentials?: Credentials; readonly drip?: boolean } = {},
): Promise<TestServer> {
  const { credentials, drip = false } = options;
  return start((socket, asked) => {
    socket.setNoDelay(true);
    void converse(new Conversation(socket, drip), asked, credentials).catch(() => socket.destroy());
  });
}

async function converse(peer: Conversation, asked: string[], credentials: Credentials | undefined): Promise<void> {
  const version = (await peer.take(1))[0];
  const { name, host, port } = version === 4 ? await request4(peer) : await request5(peer, credentials);
  asked.push(`${name} ${host}:${port}`);
  const origin = await dial(`${host}:${port}`);
  const granted = origin !== undefined;
  if (version === 4) await peer.say([0, granted ? 0x5a : 0x5b, 0, 0, 0, 0, 0, 0]);
  else await peer.say([5, granted ? 0 : 5, 0, 1, 127, 0, 0, 1, 0x12, 0x34]);
  if (origin === undefined) peer.socket.end();
  else peer.join(origin);
}

interface Asked {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

async function request4(peer: Conversation): Promise<Asked> {
  const head = await peer.take(7);
  const user = await peer.takeText();
  const address = head.subarray(3);
  const name = `socks4 [${user}]`;
  const port = head.readUInt16BE(1);
  const isName = address[0] === 0 && address[1] === 0 && address[2] === 0 && address[3] !== 0;
  return { name, host: isName ? await peer.takeText() : address.join("."), port };
}

async function request5(peer: Conversation, credentials: Credentials | undefined): Promise<Asked> {
  const methods = await peer.take((await peer.take(1)).readUInt8());
  const wanted = credentials === undefined ? 0 : 2;
  if (!methods.includes(wanted)) {
    await peer.say([5, 0xff]);
    throw new Error("no method");
  }
  await peer.say([5, wanted]);
  if (credentials !== undefined) {
    await peer.take(1);
    const username = (await peer.take((await peer.take(1)).readUInt8())).toString();
    const password = (await peer.take((await peer.take(1)).readUInt8())).toString();
    const right = username === credentials.username && password === credentials.password;
    await peer.say([1, right ? 0 : 1]);
    if (!right) throw new Error("wrong credentials");
  }
  const type = (await peer.take(4))[3];
  const name = "socks5";
  if (type === 1) return { name, host: (await peer.take(4)).join("."), port: (await peer.take(2)).readUInt16BE() };
  const length = type === 4 ? 16 : (await peer.take(1)).readUInt8();
  const address = await peer.take(length);
  const host = type === 4 ? `[${(address.toString("hex").match(/.{4}/g) ?? []).join(":")}]` : address.toString();
  return { name, host, port: (await peer.take(2)).readUInt16BE() };
}

/** Reads and writes in the measure of a protocol. */
class Conversation {
  readonly socket: Socket;
  readonly #drip: boolean;
  #held: Buffer = Buffer.alloc(0);
  #arrived = (): void => {};
  #ended = false;

  constructor(socket: Socket, drip: boolean) {
    this.socket = socket;
    this.#drip = drip;
    socket.on("data", this.#onData);
    socket.on("end", () => {
      this.#ended = true;
      this.#arrived();
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#held = Buffer.concat([this.#held, chunk]);
    this.#arrived();
  };

  async take(count: number): Promise<Buffer> {
    while (this.#held.length < count) {
      if (this.#ended) throw new Error("the client is gone");
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  /** Up to a NUL. */
  async takeText(): Promise<string> {
    let text = "";
    for (;;) {
      const byte = (await this.take(1)).readUInt8();
      if (byte === 0) return text;
      text += String.fromCharCode(byte);
    }
  }

  async say(message: readonly number[]): Promise<void> {
    if (!this.#drip) {
      this.socket.write(Uint8Array.from(message));
      return;
    }
    for (const byte of message) {
      this.socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  join(origin: Socket): void {
    this.socket.off("data", this.#onData);
    origin.write(this.#held);
    origin.pipe(this.socket);
    this.socket.pipe(origin);
    this.socket.on("close", () => origin.destroy());
    origin.on("close", () => this.socket.destroy());
  }
}

/** A connection to `authority`; names lead to this machine, for the proxies resolve them as they like. */
async function dial(authority: string): Promise<Socket | undefined> {
  const { hostname, port } = new URL(`http://${authority}`);
  const host = /^[\d.]+$/.test(hostname) ? hostname : "127.0.0.1";
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  const connected = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
  });
  return connected ? socket : undefined;
}

/** Both directions, each to its end. */
function join(one: Io, other: Io): void {
  pump(one, other);
  pump(other, one);
}

function pump(from: Io, to: Io): void {
  from.read((chunk, error) => {
    if (error !== undefined) to.abort(error);
    else if (chunk === null) to.shutdown(() => {});
    else if (to.write([chunk])) pump(from, to);
    else to.drained((failed) => (failed === undefined ? pump(from, to) : from.abort(failed)));
  });
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
