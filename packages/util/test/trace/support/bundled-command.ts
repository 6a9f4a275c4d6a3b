/** The command `sluice-trace` as it is published, with the sources bundled in place of what is built. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The part of Vite used here; it comes with Vitest. */
interface Vite {
  build(config: object): Promise<unknown>;
}

export interface BundledCommand {
  /** A folder of its own, for files of the test. */
  readonly folder: string;
  readonly path: string;
  remove(): void;
}

const util = resolve(import.meta.dirname, "../../..");
const packages = resolve(util, "..");

export async function bundledCommand(): Promise<BundledCommand> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-trace-"));
  mkdirSync(join(folder, "bin"));
  cpSync(join(util, "bin/sluice-trace.mjs"), join(folder, "bin/sluice-trace.mjs"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const require = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
  const vite = (await import(require.resolve("vite"))) as Vite;
  await vite.build({
    configFile: false,
    envFile: false,
    logLevel: "silent",
    publicDir: false,
    resolve: {
      alias: [
        { find: /^@sluice\/([^/]+)$/, replacement: `${packages}/$1/src/index.ts` },
        { find: /^@sluice\/core\/(.+)$/, replacement: `${packages}/core/src/$1.ts` },
      ],
    },
    ssr: { noExternal: true },
    build: {
      ssr: join(util, "src/trace/cli.ts"),
      target: "node20",
      minify: false,
      outDir: join(folder, "dist/trace"),
    },
  });
  return {
    folder,
    path: join(folder, "bin/sluice-trace.mjs"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
