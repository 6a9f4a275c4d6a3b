/**
 * Where a runtime runs the suite: a folder of its own with the programs and the packages as they are built.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The part of Vite used here; it comes with Vitest. */
interface Vite {
  build(config: object): Promise<unknown>;
}

const packages = resolve(import.meta.dirname, "../../..");

/** Whether `npm run build` has been run. */
export const isBuilt: boolean = ["body/dist/index.js", "core/dist/http2.js", "util/dist/workers/index.js"].every(
  (file) => existsSync(join(packages, file)),
);

export interface Stage extends Disposable {
  readonly folder: string;
}

export function stage(): Stage {
  const folder = mkdtempSync(join(tmpdir(), "sluice-runtimes-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const file of readdirSync(import.meta.dirname)) {
    if (/\.(mjs|capnp)$/.test(file)) cpSync(join(import.meta.dirname, file), join(folder, file));
  }
  const scope = join(folder, "node_modules/@sluice");
  mkdirSync(scope, { recursive: true });
  for (const name of ["body", "core", "util"]) symlinkSync(join(packages, name), join(scope, name));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Makes `program.js` of run-workerd.mjs and everything it imports, as workerd has no files. */
export async function bundleForWorkerd(folder: string): Promise<void> {
  const require = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
  const vite = (await import(require.resolve("vite"))) as Vite;
  await vite.build({
    configFile: false,
    envFile: false,
    logLevel: "silent",
    publicDir: false,
    root: folder,
    ssr: { noExternal: true, target: "webworker" },
    build: {
      ssr: join(folder, "run-workerd.mjs"),
      target: "es2022",
      minify: false,
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: { external: [/^cloudflare:/, /^node:/], output: { entryFileNames: "program.js", format: "es" } },
    },
  });
}
