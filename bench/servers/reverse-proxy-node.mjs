// The usual proxy on node:http in front of one upstream, with an agent that keeps connections: `--port N --upstream PORT`.

import { Agent, createServer, request } from "node:http";
import { pipeline } from "node:stream";
import { configuration, started } from "./start.mjs";

const { port, upstream } = configuration({ upstream: { type: "string" } });
const agent = new Agent({ keepAlive: true });
const hopByHop = ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

/** What the other proxy does to fields as well: no more, no less. */
function endToEnd({ headers }) {
  const fields = { ...headers };
  for (const name of hopByHop) delete fields[name];
  return fields;
}

function via(fields, { httpVersion }) {
  fields.via = fields.via === undefined ? `${httpVersion} node` : `${fields.via}, ${httpVersion} node`;
  return fields;
}

const server = createServer({ keepAliveTimeout: 120_000 }, (incoming, outgoing) => {
  const { method, url, socket } = incoming;
  const headers = via(endToEnd(incoming), incoming);
  headers["x-forwarded-for"] = socket.remoteAddress;
  headers["x-forwarded-host"] = headers.host;
  headers["x-forwarded-proto"] = "http";
  headers.host = `127.0.0.1:${upstream}`;
  const asking = request({ agent, host: "127.0.0.1", port: upstream, method, path: url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, via(endToEnd(answer), answer));
    pipeline(answer, outgoing, () => {});
  });
  asking.on("error", () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end();
  });
  pipeline(incoming, asking, () => {});
});
server.listen(port, "127.0.0.1", () => started(server.address().port));
