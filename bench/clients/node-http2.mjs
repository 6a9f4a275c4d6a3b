import { connect } from "node:http2";

export function open({ origin, upload }) {
  const session = connect(origin);
  const head = upload === undefined ? { ":path": "/" } : { ":path": "/", ":method": "POST" };
  return () =>
    new Promise((resolve, reject) => {
      const stream = session.request(head);
      if (upload !== undefined) stream.end(upload);
      let length = 0;
      stream.on("data", (chunk) => (length += chunk.length));
      stream.on("end", () => resolve(length));
      stream.on("error", reject);
    });
}
