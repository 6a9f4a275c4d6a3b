// Reads and writes heads of HTTP/1.1, with all that is checked on the way.

import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { ReadBuffer } from "../../packages/core/dist/bytes/read-buffer.js";
import { WriteBuffer } from "../../packages/core/dist/bytes/write-buffer.js";
import { resolveClientOptions, resolveServerOptions } from "../../packages/core/dist/h1/options.js";
import { RequestHeadReader } from "../../packages/core/dist/h1/request-head-reader.js";
import { RequestHeadWriter } from "../../packages/core/dist/h1/request-head-writer.js";
import { ResponseHeadReader } from "../../packages/core/dist/h1/response-head-reader.js";
import { ResponseHeadWriter } from "../../packages/core/dist/h1/response-head-writer.js";
import { realisticHeaders } from "../scenarios/realistic-headers.mjs";
import { hello } from "../servers/start.mjs";
import { measureAll } from "./operations.mjs";

const serverOptions = resolveServerOptions(undefined);
const clientOptions = resolveClientOptions(undefined);
const small = Buffer.from("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
const realistic = Buffer.from(
  `GET /path?query=1 HTTP/1.1\r\nhost: shop.example\r\n${realisticHeaders.join("\r\n")}\r\n\r\n`,
);
const answer = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n",
);

function reading(reader, head) {
  const buffer = new ReadBuffer();
  return () => {
    buffer.push(head);
    reader.reset();
    if (!reader.read(buffer)) throw new Error("the head is not complete");
    return reader.headers;
  };
}

const responseWriter = new ResponseHeadWriter(serverOptions);
const requestWriter = new RequestHeadWriter(clientOptions);
const written = new WriteBuffer("auto");
const lines = realisticHeaders.map((line) => line.split(/: (.*)/s).slice(0, 2));
const response = new HttpResponse(200, { "content-type": "text/plain" }, full(hello));
const request = HttpRequest.get("/path?query=1", [["host", "shop.example"], ...lines]);
const answered = {
  method: "GET",
  minorVersion: 1,
  connectionKeepAlive: false,
  acceptsTrailers: false,
  wantsUpgrade: false,
};
const writeResponse = () => {
  written.text(responseWriter.write(response, answered, true));
  return written.take();
};
const writeRequest = () => {
  written.text(requestWriter.write(request));
  return written.take();
};
const bytesOf = (chunks) => chunks.reduce((sum, { length }) => sum + length, 0);

await measureAll([
  { name: "read a small head", run: reading(new RequestHeadReader(serverOptions), small), bytes: small.length },
  {
    name: "read a realistic head",
    run: reading(new RequestHeadReader(serverOptions), realistic),
    bytes: realistic.length,
  },
  { name: "read a response head", run: reading(new ResponseHeadReader(clientOptions), answer), bytes: answer.length },
  { name: "write a response head", run: writeResponse, bytes: bytesOf(writeResponse()) },
  { name: "write a realistic head", run: writeRequest, bytes: bytesOf(writeRequest()) },
]);
