import { connect } from "node:http2";
import { mib } from "../servers/start.mjs";
import { configuration, exchanges, run } from "./run.mjs";

const { port, seconds, service } = configuration();
const session = connect(`http://127.0.0.1:${port}`);
const isUpload = service === "size";
const head = isUpload ? { ":path": "/", ":method": "POST" } : { ":path": "/" };

await run(
  seconds,
  () =>
    new Promise((resolve, reject) => {
      const stream = session.request(head);
      if (isUpload) stream.end(mib);
      let length = 0;
      stream.on("data", (chunk) => (length += chunk.length));
      stream.on("end", () => resolve(length));
      stream.on("error", reject);
    }),
  exchanges[service],
);
