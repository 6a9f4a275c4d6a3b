/**
 * Makes programs of the blocks: plain JavaScript, which Node 20 needs, over the sources of the packages.
 *
 * They stand in a folder of their own, which has what the pages speak of: the dependencies of this checkout, and `cert.pem` and
 * `key.pem`.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { certificateFile, keyFile } from "../interop/support/certificate.ts";
import type { Block } from "./blocks.ts";

/** The part of Vite used here; it comes with Vitest. */
interface Vite {
  build(config: object): Promise<unknown>;
}

const root = resolve(import.meta.dirname, "../../../..");

export interface Programs extends Disposable {
  /** Where programs run. */
  readonly folder: string;
  /** The file to start for a block of JavaScript or TypeScript. */
  fileOf(block: Block): string;
  /** Where all blocks of TypeScript are type-checked. */
  readonly tsconfig: string;
}

export async function programs(blocks: readonly Block[]): Promise<Programs> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-guides-"));
  const sources = join(folder, "blocks");
  mkdirSync(sources);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  copyFileSync(certificateFile, join(folder, "cert.pem"));
  copyFileSync(keyFile, join(folder, "key.pem"));

  const input: Record<string, string> = {};
  for (const { name, path, language, code, isModule, notRun } of blocks) {
    if (language === "sh") continue;
    const file = join(sources, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
    if (notRun === undefined && !isModule) input[name] = file;
  }
  const tsconfig = join(folder, "tsconfig.json");
  const compilerOptions = {
    allowJs: false,
    typeRoots: [join(root, "node_modules/@types")],
    noUnusedLocals: true,
  };
  const include = [join(sources, "**/*.ts"), join(import.meta.dirname, "foreign-modules.d.ts")];
  writeFileSync(tsconfig, JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include }));

  const require = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
  const vite = (await import(require.resolve("vite"))) as Vite;
  await vite.build({
    configFile: false,
    envFile: false,
    logLevel: "silent",
    publicDir: false,
    root: folder,
    resolve: {
      alias: [
        { find: /^@sluice\/([^/]+)$/, replacement: `${root}/packages/$1/src/index.ts` },
        { find: /^@sluice\/([^/]+)\/(.+)$/, replacement: `${root}/packages/$1/src/$2` },
      ],
    },
    ssr: { noExternal: /^@sluice\// },
    build: {
      ssr: true,
      target: "node20",
      minify: false,
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: {
        input,
        external: [/^cloudflare:/],
        output: { entryFileNames: "[name].mjs", chunkFileNames: "shared/[name]-[hash].mjs" },
      },
    },
  });
  return {
    folder,
    fileOf: ({ name }) => join(folder, `${name}.mjs`),
    tsconfig,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
