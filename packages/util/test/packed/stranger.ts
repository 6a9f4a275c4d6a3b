/**
 * What somebody has who knows nothing of this repository: the three packages as they would be published, installed by npm in a
 * folder of its own, without a registry.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type CommandOutcome, environment, run } from "../interop/support/command.ts";

export const root: string = resolve(import.meta.dirname, "../../../..");

/** What is read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export interface Stranger extends Disposable {
  readonly folder: string;
  /** Of the installed packages. */
  readonly manifests: readonly Manifest[];
  /** Runs a command in the folder. */
  run(command: string, ...args: string[]): Promise<CommandOutcome>;
  /** Writes a file into the folder, and returns its path. */
  write(name: string, text: string): string;
  /** Puts a package in that is installed in this repository. */
  add(...packages: string[]): void;
}

/** Nothing of the npm or the test runner that this runs in, which would tell npm that it is at home here. */
function strangersEnvironment(): NodeJS.ProcessEnv {
  const ours = /^(npm_(?!config_)|npm_config_local_prefix$|INIT_CWD$|VITEST|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$)/;
  return Object.fromEntries(Object.entries(environment()).filter(([name]) => !ours.test(name)));
}

/** @throws Error if a command fails, with what it said. */
async function must(outcome: Promise<CommandOutcome>): Promise<void> {
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(`exit code ${code}\n${stdout}\n${stderr}`);
}

/** Packs the packages as they are built, and installs them. */
export async function stranger(): Promise<Stranger> {
  const scratch = mkdtempSync(join(tmpdir(), "sluice-packed-"));
  const folder = join(scratch, "project");
  const tarballs = join(scratch, "tarballs");
  mkdirSync(folder);
  const env = strangersEnvironment();
  const inFolder = (command: string, ...args: string[]): Promise<CommandOutcome> =>
    run("sh", ["-c", 'cd "$0" && exec "$@"', folder, command, ...args], { env });

  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const pnpm = ["--loglevel=error", "--yes", `--package=${packageManager}`, "--", "pnpm", "--dir", root];
  await must(run("npx", [...pnpm, "--filter", "./packages/*", "pack", "--pack-destination", tarballs], { env }));

  const files = readdirSync(tarballs).map((name) => join(tarballs, name));
  await must(inFolder("npm", "install", "--prefix", folder, "--offline", "--no-audit", "--no-fund", ...files));
  const scope = join(folder, "node_modules/@sluice");
  return {
    folder,
    manifests: readdirSync(scope).map((name) => JSON.parse(readFileSync(join(scope, name, "package.json"), "utf8"))),
    run: inFolder,
    write(name, text) {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    },
    add(...packages) {
      for (const name of packages) {
        const path = join(folder, "node_modules", name);
        mkdirSync(dirname(path), { recursive: true });
        if (!existsSync(path)) symlinkSync(join(root, "node_modules", name), path);
      }
    },
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true, force: true }),
  };
}
