/**
 * The service that the peers talk to.
 *
 *   /hello      a short text            /echo      the content and the trailers of the request
 *   /size       what came, as JSON      /chunked   three chunks of unknown total length
 *   /trailers   chunks and a trailer    /early     103 (Early Hints) before the 200
 *   /bytes?n    n bytes, length known   /stream?n  n bytes, length unknown
 *   /empty      204                     /refuse    413, the content left unread
 *   /upgrade    101 to the protocol `echo`, 426 without being asked for it
 *   CONNECT     a tunnel to a port of this machine
 */
import { connect } from "node:net";
import { full, HeaderMap, Trailers } from "@sluice/body";
import { type HttpRequest, HttpResponse, type Io, sendInformational, upgradeOn } from "@sluice/core";
import { nodeIo } from "../../../src/node/index.ts";
import { content, inPieces, measured } from "./content.ts";

export const hello = "hello, world\n";

export function routes(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
  if (request.method === "CONNECT") return tunnel(request);
  switch (request.target.path) {
    case "/hello":
      return new HttpResponse(200, { "content-type": "text/plain" }, full(hello));
    case "/echo": {
      // Once the response has begun it is too late to ask a client that waits for its content (RFC 9110 15.2).
      if (request.headers.has("expect")) sendInformational(request, 100);
      const trailer = request.headers.getAll("trailer").map((names): [string, string] => ["trailer", names]);
      return new HttpResponse(200, trailer, request.body);
    }
    case "/size":
      return size(request);
    case "/chunked":
      return new HttpResponse(200, {}, inPieces(Buffer.from("one, two, three"), { size: 5 }));
    case "/trailers": {
      const trailers = new Trailers(new HeaderMap({ "x-checksum": "abc" }));
      return new HttpResponse(200, { trailer: "x-checksum" }, inPieces(Buffer.from("data"), { trailers }));
    }
    case "/early":
      sendInformational(request, 103, { link: "</style.css>; rel=preload" });
      return new HttpResponse(200, {}, full("late\n"));
    case "/bytes": {
      const length = Number(request.target.query);
      return new HttpResponse(200, {}, inPieces(content(length), { length }));
    }
    case "/stream":
      return new HttpResponse(200, {}, inPieces(content(Number(request.target.query))));
    case "/empty":
      return new HttpResponse(204);
    case "/refuse":
      return new HttpResponse(413, {}, full("too much\n"));
    case "/upgrade":
      return upgrade(request);
    case "*":
      return new HttpResponse(200, { allow: "GET, HEAD, POST, PUT, OPTIONS" });
    default:
      return new HttpResponse(404, {}, full("not found\n"));
  }
}

/** What `/size` tells. */
export interface Size {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly bytes: number;
  readonly sha256: string;
}

async function size(request: HttpRequest): Promise<HttpResponse> {
  const facts = { method: request.method, target: request.target.toString(), version: request.version };
  const told: Size = { ...facts, ...(await measured(request.body)) };
  return new HttpResponse(200, { "content-type": "application/json" }, full(JSON.stringify(told)));
}

function upgrade(request: HttpRequest): HttpResponse {
  if (request.headers.get("upgrade") !== "echo") {
    return new HttpResponse(426, { upgrade: "echo", connection: "upgrade" }, full("this speaks echo\n"));
  }
  upgradeOn(request).then((io) => pipe(io, io), ignore);
  return new HttpResponse(101, { upgrade: "echo" });
}

async function tunnel(request: HttpRequest): Promise<HttpResponse> {
  const port = Number(request.target.toString().split(":").pop());
  const socket = connect({ port, host: "127.0.0.1" });
  const failed = await new Promise((resolve) => socket.once("connect", () => resolve(false)).once("error", resolve));
  if (failed !== false) return new HttpResponse(502, {}, full("no way there\n"));
  const far = nodeIo(socket);
  upgradeOn(request).then(
    (near) => {
      pipe(near, far);
      pipe(far, near);
    },
    () => far.abort(),
  );
  return new HttpResponse(200);
}

/** Moves bytes from one transport to another until the end, which is passed on. */
function pipe(from: Io, to: Io): void {
  const next = (): void => {
    from.read((chunk, error) => {
      if (error !== undefined) to.abort(error);
      else if (chunk === null) to.shutdown(ignore);
      else if (to.write([chunk])) next();
      else to.drained((failure) => (failure === undefined ? next() : from.abort(failure)));
    });
  };
  next();
}

function ignore(): void {}
