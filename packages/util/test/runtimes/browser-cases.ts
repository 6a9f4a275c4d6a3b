/** What each way of running the suite in a page leaves out, or answers otherwise, and why. */
import { expected } from "./expected.ts";

/** By name: a value, where another one is right; a reason, where the case makes no sense. */
type Exceptions = Readonly<Record<string, { readonly value: unknown } | { readonly leftOut: string }>>;

/** The page itself has no address to tell. */
const noAddress = { value: [200, "HTTP/1.1", "", "GET /a"] };

export const overMessagePorts: Exceptions = {
  "h1 GET": noAddress,
  "h1 nobody listens": { leftOut: "there is no port to be refused at" },
};

const unbounded = {
  leftOut: "a browser's WebSocket cannot be paused: HTTP/1 has no windows, so maxQueuedBytes ends it",
};

export const overWebSockets: Exceptions = {
  "h1 GET": noAddress,
  "h1 upgrade: bytes both ways, then each side ends on its own": { leftOut: "a WebSocket ends both ways at once" },
  "h1 who does not read stops who writes": unbounded,
  "h1 a server that does not read stops the client": unbounded,
};

const shared = { leftOut: "it looks at what its server has seen, which is elsewhere" };

export const toNode: Exceptions = {
  "h1 five requests on one connection": shared,
  "h1 upgrade: bytes both ways, then each side ends on its own": shared,
  "h1 the server sees that the client has gone": shared,
  "h1 graceful shutdown ends after the exchange": shared,
  "h1 who does not read stops who writes": shared,
  "h1 a server that does not read stops the client": shared,
  "h1 nobody listens": { leftOut: "somebody does" },
  "h2 cancelling one stream leaves the others": shared,
  "h2 the server sees that the client has gone": shared,
  "h2 graceful shutdown ends after the exchanges": shared,
  "h2 streams beyond the limit wait": shared,
};

/** The lines to expect. */
export function expectedWith(exceptions: Exceptions): (readonly [name: string, value: unknown])[] {
  const names = new Set(expected.map(([name]) => name));
  const unknown = Object.keys(exceptions).filter((name) => !names.has(name));
  if (unknown.length > 0) throw new Error(`no such cases: ${unknown.join(", ")}`);
  return expected.flatMap(([name, value]) => {
    const exception = exceptions[name];
    if (exception === undefined) return [[name, value] as const];
    return "value" in exception ? [[name, exception.value] as const] : [];
  });
}
