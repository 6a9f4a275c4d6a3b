// Writes packages/util/src/trace/page-assets.ts, the script and the style of the page that sluice-trace makes, from
// packages/util/trace-page. `--check` fails when it is stale, or when the types of the sources do not hold.
//
// The script is bundled with the Vite that Vitest brings along, so nothing more has to be installed.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root, run, tool } from "./lib.mjs";

const sources = join(root, "packages/util/trace-page");
const target = join(root, "packages/util/src/trace/page-assets.ts");

async function bundled() {
  const require = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
  const vite = await import(require.resolve("vite"));
  const [{ output }] = await vite.build({
    configFile: false,
    envFile: false,
    logLevel: "error",
    publicDir: false,
    build: {
      lib: { entry: join(sources, "main.ts"), formats: ["iife"], name: "page" },
      target: "es2022",
      minify: false,
      write: false,
    },
  });
  return output[0].code.replace(/^\s*\/\/#(end)?region.*\n/gm, "").trim();
}

/** Blank lines and the space that only people need are left out. */
function style() {
  const text = readFileSync(join(sources, "page.css"), "utf8");
  return text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s+/gm, "")
    .trim();
}

const hash = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
const literal = (text) => `\`${text.replace(/[\\`]|\$\{/g, (found) => `\\${found}`)}\``;

const script = await bundled();
const css = style();
// The parser of HTML looks for these before anybody looks at the script.
for (const end of ["</script", "<!--", "</style"]) {
  if (`${script}${css}`.toLowerCase().includes(end)) throw new Error(`the page must not contain ${end}`);
}

const text = `/**
 * Written by scripts/trace-page.mjs from trace-page/. Do not edit.
 *
 * The script and the style of the page, with the hashes by which its policy knows them.
 */

export const scriptHash = ${JSON.stringify(hash(script))};
export const styleHash = ${JSON.stringify(hash(css))};

export const pageStyle: string = ${literal(css)};

export const pageScript: string = ${literal(script)};
`;

if (!process.argv.includes("--check")) {
  writeFileSync(target, text);
} else if (readFileSync(target, "utf8") !== text) {
  console.error("packages/util/src/trace/page-assets.ts is stale: run node scripts/trace-page.mjs");
  process.exitCode = 1;
} else if ((await run(...tool("tsc", "-p", sources))) !== 0) {
  process.exitCode = 1;
}
