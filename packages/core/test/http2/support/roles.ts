/**
 * The same test for both roles: a connection under test, at rest or with its first stream in use.
 */
import { HttpRequest } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { connectH2, send } from "./client.ts";
import { expectFrames } from "./expectations.ts";
import { getText, post } from "./messages.ts";
import type { Role } from "./output-rules.ts";
import { ok, serveH2 } from "./server.ts";
import type { Setup, UnderTest } from "./under-test.ts";

export const roles: readonly Role[] = ["server", "client"];

export function start(role: Role, options: http2.CommonOptions = {}, setup: Setup = {}): Promise<UnderTest> {
  return role === "server" ? serveH2(ok, options, setup) : connectH2(options, setup);
}

/**
 * The same with stream 1 open for what the peer sends: a POST whose content is to come and that no answer comes to, or a
 * GET that waits for its response.
 */
export async function startWithStream(
  role: Role,
  options: http2.CommonOptions = {},
  setup: Setup = {},
): Promise<UnderTest> {
  if (role === "server") {
    const server = await serveH2(() => new Promise(() => {}), options, setup);
    server.peer.headers(1, post());
    await expectFrames(server, []);
    return server;
  }
  const client = await connectH2(options, setup);
  send(client, HttpRequest.get("http://a.test/"));
  await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  return client;
}

/** The stream that a connection of this role names in GOAWAY after `startWithStream`: the last that it processed. */
export function lastOf(role: Role): number {
  return role === "server" ? 1 : 0;
}
