// What all clients of connect-es do: a call, whose answer is as long as what was sent.

import { createClient } from "@connectrpc/connect";
import { Greeter } from "../servers/rpc-schema.mjs";
import { hello } from "../servers/start.mjs";

const text = hello.toString();

export function callsOver(transport) {
  const client = createClient(Greeter, transport);
  return async () => (await client.greet({ text })).text.length;
}
