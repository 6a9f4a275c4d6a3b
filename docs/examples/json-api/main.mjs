// A JSON API: content is read up to a limit, checked, and refused with a reason (RFC 9457) that tells the client which
// of the many things it was: 413, 415, 400, 422, 404 or 405.
//
//   node docs/examples/json-api/main.mjs --port 3000
//   curl -i http://127.0.0.1:3000/notes --json '{"text":"buy milk"}'

import { parseArgs } from "node:util";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { json, Refusal, readJson, refusing } from "./messages.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "3000" } } });
const notes = new Map();
let lastId = 0;

function checkNote(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refusal(422, "must be an object");
  const { text, ...others } = value;
  if (typeof text !== "string" || text === "" || text.length > 200) throw new Refusal(422, "text: 1 to 200 characters");
  for (const name of Object.keys(others)) throw new Refusal(422, `${JSON.stringify(name)} is not a property`);
  return { text };
}

const collection = {
  GET: () => json(200, [...notes.values()]),
  async POST(request) {
    const note = { id: ++lastId, ...checkNote(await readJson(request)) };
    notes.set(note.id, note);
    return json(201, note, { location: `/notes/${note.id}` });
  },
};
const item = {
  GET: (_, id) => json(200, notes.get(id)),
  DELETE: (_, id) => notes.delete(id) && new HttpResponse(204),
};

async function answer(request) {
  const { method, target } = request;
  const [, number] = /^\/notes(?:\/([1-9][0-9]{0,9}))?$/.exec(target.path) ?? [null, "none"];
  const resource = number === undefined ? collection : notes.has(Number(number)) ? item : undefined;
  if (resource === undefined) throw new Refusal(404, "there is no such thing");
  const allow = ["HEAD", "OPTIONS", ...Object.keys(resource)].join(", ");
  if (method === "OPTIONS") return new HttpResponse(204, { allow });
  const name = method === "HEAD" ? "GET" : method;
  if (!Object.hasOwn(resource, name)) throw new Refusal(405, `not with ${method}`, { allow });
  return resource[name](request, Number(number));
}

const service = serviceFn(refusing(answer));

const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, service, { signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
