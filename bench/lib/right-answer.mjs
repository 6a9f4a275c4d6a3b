// Before a server is measured it has to answer one request as all the others do.

import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import { contentOf, mib } from "../servers/start.mjs";

const limitMs = 10_000;

/**
 * Rejects unless the server at `port` answers as `service` does or, if there is an `exchange`, as that says: to `path` with lines
 * of `headers`, to a POST if it has `content`, with `answer`.
 */
export async function expectRightAnswer({ port, protocol, service, tls = false, exchange }) {
  const ask = protocol === "h2c" ? askHttp2 : askHttp1;
  const { path = "/", headers = [], content: upload = service === "size" ? mib : undefined } = exchange ?? {};
  const { status, content } = await ask({ port, tls, upload, path, headers });
  const expected = exchange === undefined ? expectedOf(service) : Buffer.from(exchange.answer);
  if (status !== 200 || !content.equals(expected)) {
    throw new Error(`answers ${status} and ${content.length} bytes, not 200 and the ${expected.length} of ${service}`);
  }
}

function expectedOf(service) {
  return service === "size" ? Buffer.from(String(mib.length)) : Buffer.concat(contentOf(service).pieces);
}

function askHttp1({ port, tls, upload, path, headers }) {
  const type = typeof upload === "string" ? "application/json" : "application/octet-stream";
  const lines = upload === undefined ? headers : [...headers, `content-type: ${type}`];
  return new Promise((resolve, reject) => {
    const { request } = tls ? https : http;
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        path,
        method: upload === undefined ? "GET" : "POST",
        headers: Object.fromEntries(lines.map((line) => line.split(/: (.*)/s, 2))),
        agent: false,
        rejectUnauthorized: false,
        signal: AbortSignal.timeout(limitMs),
      },
      (response) => {
        response.toArray().then((pieces) => {
          resolve({ status: response.statusCode, content: Buffer.concat(pieces) });
        }, reject);
      },
    );
    sent.on("error", reject);
    sent.end(upload);
  });
}

async function askHttp2({ port, upload }) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    const signal = AbortSignal.timeout(limitMs);
    const failed = new Promise((_resolve, reject) => session.once("error", reject));
    const method = upload === undefined ? "GET" : "POST";
    const stream = session.request({ ":path": "/", ":method": method }, { signal });
    const head = new Promise((resolve, reject) => stream.once("response", resolve).once("error", reject));
    stream.end(upload);
    const answered = head.then(async (headers) => {
      return { status: headers[":status"], content: Buffer.concat(await stream.toArray()) };
    });
    return await Promise.race([answered, failed]);
  } finally {
    session.destroy();
  }
}
