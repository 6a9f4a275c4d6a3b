// Routing by hand: patterns with names in them, 404 and 405 told apart, HEAD and OPTIONS answered for every route.
//
//   node docs/examples/routing.mjs --port 3000
//   curl http://127.0.0.1:3000/users/7/posts/hello%20world

import { parseArgs } from "node:util";
import { full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

const { values } = parseArgs({ options: { port: { type: "string", default: "3000" } } });

const plain = (status, text, fields = {}) =>
  new HttpResponse(status, { "content-type": "text/plain; charset=utf-8", ...fields }, full(`${text}\n`));

/** For each pattern a handler by method. GET answers HEAD too: the engine leaves the content out. */
const routes = [
  route("/", { GET: () => plain(200, "home") }),
  route("/users/:id", {
    GET: ({ id }) => plain(200, `user ${id}`),
    DELETE: () => new HttpResponse(204),
  }),
  route("/users/:id/posts/:post", { GET: ({ id, post }) => plain(200, `post "${post}" of user ${id}`) }),
  // Of the routes that match the first is taken.
  route("/search", {
    GET: (_, request) => plain(200, new URLSearchParams(request.target.query).getAll("q").join("+")),
  }),
];

function route(pattern, handlers) {
  // `:name` stands for one segment that is not empty.
  const matcher = new RegExp(`^${pattern.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`);
  const methods = Object.keys(handlers).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return { matcher, handlers: new Map(Object.entries(handlers)), allow: [...methods, "OPTIONS"].join(", ") };
}

const router = serviceFn((request) => {
  const { method, target } = request;
  for (const { matcher, handlers, allow } of routes) {
    const match = matcher.exec(target.path);
    if (match === null) continue;
    if (method === "OPTIONS") return new HttpResponse(204, { allow });
    const handler = handlers.get(method === "HEAD" ? "GET" : method);
    if (handler === undefined) return plain(405, "there is something here, but not for that method", { allow });
    const parameters = decoded(match.groups ?? {});
    return parameters === undefined ? plain(400, "malformed path") : handler(parameters, request);
  }
  return plain(404, "there is nothing here");
});

/** Decoded after matching, so that an encoded slash stays within its segment; `undefined` for malformed ones. */
function decoded(groups) {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    return undefined;
  }
}

const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, router, { signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
