/** An origin of Node's own making that tells what it was sent, and answers as its path says. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";

export interface EchoOrigin extends AsyncDisposable {
  readonly origin: string;
  /** Exchanges whose client went away before the answer was complete. */
  readonly abandoned: string[];
}

const text = "Hello, content coding. ".repeat(20);
const zeros = Buffer.alloc(4 * 1_048_576);

const codings: Readonly<Record<string, () => Uint8Array>> = {
  gzip: () => gzipSync(text),
  "x-gzip": () => gzipSync(text),
  deflate: () => deflateSync(text),
  rawdeflate: () => deflateRawSync(text),
  br: () => brotliCompressSync(text),
  "gzip, br": () => brotliCompressSync(gzipSync(text)),
  unknown: () => Buffer.from(text),
  bomb: () => gzipSync(gzipSync(zeros)),
  large: () => gzipSync(Buffer.from(Array.from({ length: 200_000 }, (_, i) => String(i * 7_919)).join(","))),
};

async function content(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1");
}

/** What was sent, as JSON: fields as pairs, without those that differ by client. */
async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const fields: [string, string][] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = String(request.rawHeaders[i]).toLowerCase();
    const value = String(request.rawHeaders[i + 1]);
    if (name !== "connection" && name !== "user-agent") fields.push([name, value]);
  }
  fields.sort();
  const body = await content(request);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ method: request.method, url: request.url, fields, body }));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://a");
  const [, what = "", first = ""] = url.pathname.split("/");
  switch (what) {
    case "echo":
      return await echo(request, response);
    case "status":
      response.writeHead(Number(first), "A phrase", { "x-a": "1" });
      response.end(first === "204" || first === "304" ? undefined : "content");
      return;
    case "redirect": {
      request.resume();
      const location = url.searchParams.get("to");
      response.writeHead(Number(first), location === null ? {} : { location });
      response.end("moved");
      return;
    }
    case "loop":
      response.writeHead(302, { location: `/loop/${Number(first) + 1}` });
      response.end();
      return;
    case "coded": {
      const coding = decodeURIComponent(first);
      const named = coding === "rawdeflate" ? "deflate" : coding === "bomb" ? "gzip, gzip" : coding;
      response.setHeader("content-encoding", coding === "large" ? "gzip" : named);
      response.end(request.method === "HEAD" ? undefined : codings[coding]?.());
      return;
    }
    case "broken-gzip":
      response.setHeader("content-encoding", "gzip");
      response.end("this is not gzip");
      return;
    case "cookies":
      response.setHeader("set-cookie", ["a=1; path=/", "b=2"]);
      response.setHeader("x-multi", ["one", "two"]);
      response.end();
      return;
    case "cut":
      response.writeHead(200, { "content-length": 100 });
      response.write("only this");
      setTimeout(() => response.destroy(), 20);
      return;
    case "reset":
      request.socket.destroy();
      return;
    case "silent":
      return;
    case "slow":
      response.write("first");
      return;
    case "chunks":
      for (const chunk of ["one ", "two ", "three"]) {
        response.write(chunk);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      response.end();
      return;
    case "mirror":
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.flushHeaders();
      request.pipe(response);
      return;
    default:
      response.end(`at ${request.url}`);
  }
}

export async function echoOrigin(): Promise<EchoOrigin> {
  const abandoned: string[] = [];
  const server = createServer((request, response) => {
    response.on("close", () => {
      if (!response.writableFinished) abandoned.push(request.url ?? "");
    });
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    abandoned,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
