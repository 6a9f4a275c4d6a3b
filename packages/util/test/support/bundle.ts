/** Programs for processes of their own: the sources bundled to plain JavaScript, which Node 20 needs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The part of Vite used here; it comes with Vitest. */
interface Vite {
  build(config: object): Promise<unknown>;
}

export interface Bundle extends Disposable {
  /** The module to start. */
  readonly file: string;
}

const packages = resolve(import.meta.dirname, "../../..");

/** Bundles `entry`, a file in this package's `test` folder, with the sources of the packages it uses. */
export async function bundle(entry: string): Promise<Bundle> {
  const scratch = mkdtempSync(join(tmpdir(), "sluice-program-"));
  writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
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
        { find: /^@sluice\/([^/]+)\/(.+)$/, replacement: `${packages}/$1/src/$2` },
      ],
    },
    ssr: { noExternal: /^@sluice\// },
    build: {
      ssr: resolve(import.meta.dirname, "..", entry),
      target: "node20",
      minify: false,
      outDir: scratch,
      emptyOutDir: false,
      rollupOptions: { output: { entryFileNames: "program.js" } },
    },
  });
  return {
    file: join(scratch, "program.js"),
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true, force: true }),
  };
}
