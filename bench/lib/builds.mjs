// The servers in Go and Rust, built when first needed, out of the repository's own files.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { has } from "./process.mjs";
import { scratchFolder } from "./scratch.mjs";

const buildLimitMs = 600_000;

const programs = {
  go: { compiler: "go", args: (output) => ["build", "-o", `${output}/go`, "."], result: "go" },
  "rust-hyper": {
    compiler: "cargo",
    args: (output) => ["build", "--release", "--quiet", "--target-dir", output],
    result: "release/rust-hyper",
  },
};

let mayBuild = true;

/** From now on what is not built is left out. */
export function buildNothing() {
  mayBuild = false;
}

/** By name of the server: the folder built into, or why there is none. */
const builds = new Map();

/**
 * The folder that a server of servers/ was built into.
 * @throws Error with the reason if it cannot be.
 */
export function built(name) {
  if (!builds.has(name)) builds.set(name, build(name));
  const result = builds.get(name);
  if (result instanceof Error) throw result;
  return result;
}

function build(name) {
  const { compiler, args, result } = programs[name];
  const output = scratchFolder(name);
  if (!mayBuild) {
    if (existsSync(`${output}/${result}`)) return output;
    return new Error(`servers/${name} is not built yet, which a run without --quick does, or one with --build`);
  }
  if (!has(compiler)) return new Error(`${compiler} is not installed`);
  const source = fileURLToPath(new URL(`../servers/${name}/`, import.meta.url));
  try {
    if (!existsSync(`${output}/${result}`)) console.log(`building servers/${name}`);
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/local/go/bin` };
    execFileSync(compiler, args(output), {
      cwd: source,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: buildLimitMs,
      env,
    });
    return output;
  } catch (error) {
    const said = String(error.stderr || error.message).trim();
    return new Error(`servers/${name} does not build: ${said.split("\n")[0]}`);
  }
}
