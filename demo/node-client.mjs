// The client of node:http2.

import { once } from "node:events";
import { connect } from "node:http2";

/** Lends `use` a session on a connection of its own. */
export async function withSession(origin, options, use) {
  const session = connect(origin, options);
  try {
    await once(session, "connect");
    return await use(session);
  } finally {
    await new Promise((resolve) => session.close(resolve));
  }
}

/** Sends a request, with `content` if there is any; resolves when the response has been received whole. */
export async function fetchOn(session, headers, content) {
  const stream = session.request({ ":method": content === undefined ? "GET" : "POST", ...headers });
  const informational = [];
  let trailers;
  stream.on("headers", (fields) => informational.push(fields[":status"]));
  stream.on("trailers", (fields) => (trailers = fields));
  stream.end(content);
  const [head] = await once(stream, "response");
  return { status: head[":status"], head, informational, content: await contentOf(stream), trailers };
}

/** Sends each of `words` when the one before has come back; returns what was said, in order. */
export async function converseOn(session, path, words) {
  const stream = session.request({ ":method": "POST", ":path": path }, { endStream: false });
  await once(stream, "response");
  const said = [];
  for (const word of words) {
    said.push(`> ${word}`);
    stream.write(word);
    said.push(`< ${(await once(stream, "data"))[0]}`);
  }
  stream.end();
  if ((await contentOf(stream)).length > 0) throw new Error("there was more than was said");
  return said;
}

/** Asks for `path`; resolves with the paths that were pushed with it, what came of each, and the answer itself. */
export async function fetchWithPushes(session, path) {
  const pushes = [];
  session.on("stream", (stream, promised) => {
    pushes.push(
      once(stream, "push").then(async ([head]) => ({
        path: promised[":path"],
        status: head[":status"],
        content: await contentOf(stream),
      })),
    );
  });
  const { status, content } = await fetchOn(session, { ":path": path });
  return { status, content, pushes: await Promise.all(pushes) };
}

async function contentOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
