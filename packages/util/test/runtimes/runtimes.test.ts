/**
 * The built packages on every runtime, over the sockets of each: one suite, the same lines from all.
 *
 * A runtime is taken from `SLUICE_BUN`, `SLUICE_DENO`, `SLUICE_WORKERD`, `SLUICE_NODE22` and `SLUICE_NODE24`, which name a
 * program, or from the PATH. `node scripts/runtimes.mjs` installs them all and prints these variables. One that is missing
 * is skipped by name, and fails with `SLUICE_INTEROP=required`.
 */
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";
import { findCommand } from "../interop/support/peer.ts";
import { expected, expectedOfTls } from "./expected.ts";
import { answeredByWorkerd, printed } from "./runs.ts";
import { bundleForWorkerd, isBuilt, type Stage, stage } from "./stage.ts";

const fixtures = resolve(import.meta.dirname, "../fixtures/tls");
const keys = ["localhost-cert.pem", "localhost-key.pem", "ca-cert.pem"].map((file) => join(fixtures, file));
const everything = [...expected, ...expectedOfTls];

/** Ends the test, as skipped or as failed, unless the runtime and the packages are there. */
function needs(context: TestContext, name: string, variable: string, path: string | undefined): string {
  const missing = path === undefined ? `${name} is not installed (${variable})` : "the packages are not built";
  if (path !== undefined && isBuilt) return path;
  if (process.env["SLUICE_INTEROP"] === "required")
    throw new Error(`${missing}, and SLUICE_INTEROP=required asks for it`);
  return context.skip(missing);
}

function found(command: string, variable: string): string | undefined {
  return process.env[variable] ?? findCommand(command);
}

describe("the same packages give the same answers", () => {
  let place: Stage;
  beforeAll(() => {
    place = stage();
  });
  afterAll(() => place[Symbol.dispose]());

  test("on this Node", async (context) => {
    const node = needs(context, "node", "PATH", process.execPath);
    expect(await printed(node, [join(place.folder, "run-node.mjs"), ...keys])).toEqual(everything);
  });

  test.for([22, 24])("on Node %d", async (version, context) => {
    const variable = `SLUICE_NODE${version}`;
    const node = needs(context, `node ${version}`, variable, process.env[variable]);
    expect(await printed(node, [join(place.folder, "run-node.mjs"), ...keys])).toEqual(everything);
  });

  test("on Bun", async (context) => {
    const bun = needs(context, "bun", "SLUICE_BUN", found("bun", "SLUICE_BUN"));
    expect(await printed(bun, [join(place.folder, "run-bun.mjs"), ...keys])).toEqual(everything);
  });

  test("on Deno", async (context) => {
    const deno = needs(context, "deno", "SLUICE_DENO", found("deno", "SLUICE_DENO"));
    const rights = ["--no-config", "--node-modules-dir=manual", "--allow-all"];
    expect(await printed(deno, ["run", ...rights, join(place.folder, "run-deno.mjs"), ...keys])).toEqual(everything);
  });

  test("on workerd, which does not listen with TLS", async (context) => {
    const workerd = needs(context, "workerd", "SLUICE_WORKERD", found("workerd", "SLUICE_WORKERD"));
    await bundleForWorkerd(place.folder);
    expect(await answeredByWorkerd(workerd, place.folder)).toEqual(expected);
  });
});
