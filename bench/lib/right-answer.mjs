// Before an HTTP/2 server is measured it has to answer one request as all the others do.

import { once } from "node:events";
import { connect } from "node:http2";
import { hello, mib } from "../servers/start.mjs";

const expected = { hello, mib, size: Buffer.from(String(mib.length)) };
const limitMs = 5000;

/** Rejects unless the server at `port` answers as `service` does. */
export async function expectRightAnswer(port, service) {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const signal = AbortSignal.timeout(limitMs);
    const failed = new Promise((_resolve, reject) => session.once("error", reject));
    const isUpload = service === "size";
    const stream = session.request({ ":path": "/", ":method": isUpload ? "POST" : "GET" }, { signal });
    const headed = once(stream, "response");
    stream.end(isUpload ? mib : undefined);
    const answered = headed.then(async ([headers]) => [headers[":status"], Buffer.concat(await stream.toArray())]);
    const [status, content] = await Promise.race([answered, failed]);
    if (status !== 200 || !content.equals(expected[service])) {
      throw new Error(`answers ${status} and ${content.length} bytes, not 200 and ${expected[service].length}`);
    }
  } finally {
    session.destroy();
  }
}
