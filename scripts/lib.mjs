// What the scripts beside this file share: where the repository is, how to start a command, how to install and build.
// Only Node and npm are taken for granted; pnpm comes through npx in the version that package.json pins.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const packageFolders = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((folder) => existsSync(join(folder, "package.json")));

const onWindows = process.platform === "win32";
const pnpmPin = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager;

const quietTools = { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", NO_UPDATE_NOTIFIER: "1" };

/**
 * Runs a command in the repository's root and resolves with its exit code. `quiet` holds its output back and shows it
 * only when the command fails.
 */
export function run(command, args, { quiet = false, stdin = "ignore", env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...quietTools, ...env },
      stdio: quiet ? [stdin, "pipe", "pipe"] : [stdin, "inherit", "inherit"],
      shell: onWindows,
    });
    const held = [];
    child.stdout?.on("data", (chunk) => held.push(chunk));
    child.stderr?.on("data", (chunk) => held.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const exit = code ?? (signal === "SIGINT" ? 130 : 1);
      if (exit !== 0) process.stderr.write(Buffer.concat(held));
      resolve(exit);
    });
  });
}

/** Runs a command and ends this process with its exit code when that is not 0. */
export async function mustRun(command, args, options) {
  const exit = await run(command, args, options);
  if (exit !== 0) process.exit(exit);
}

/** The command and arguments that start the pinned pnpm. */
export function pnpm(...args) {
  return ["npx", ["--loglevel=error", "--yes", `--package=${pnpmPin}`, "--", "pnpm", ...args]];
}

/** The command and arguments that start a tool installed in the repository. */
export function tool(name, ...args) {
  return [join(root, "node_modules", ".bin", name), args];
}

/** The command and arguments that run tasks of turbo.json; turbo starts the pnpm it finds, so pnpm starts turbo. */
export function turbo(...args) {
  return pnpm("exec", "turbo", "run", ...args);
}

/** Everything that decides what an installation contains. */
function installationKey() {
  const hash = createHash("sha256").update(`${process.version} ${process.platform} ${process.arch}`);
  const manifests = [root, ...packageFolders, join(root, "docs", "api")].map((folder) => join(folder, "package.json"));
  for (const file of [join(root, "pnpm-lock.yaml"), join(root, "pnpm-workspace.yaml"), ...manifests]) {
    hash.update(file).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Installs exactly what the lock file says; does nothing when that was done before. */
export async function install({ quiet = false } = {}) {
  const stamp = join(root, "node_modules", ".cache", "sluice", "installed");
  const key = installationKey();
  const present = packageFolders.every(
    (folder) => existsSync(join(folder, "node_modules")) || !hasDependencies(folder),
  );
  if (present && existsSync(stamp) && readFileSync(stamp, "utf8") === key) return;
  await mustRun(...pnpm("install", "--frozen-lockfile"), { quiet });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, key);
}

function hasDependencies(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).dependencies !== undefined;
}
