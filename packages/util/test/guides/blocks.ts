/**
 * The code of the guides: what stands between the fences of a page, and what the page says it prints.
 *
 * The words behind the language of a fence are for the runner, and a reader of the page does not see them:
 *
 * - `server`: the program keeps running, for the blocks below it on the same page.
 * - `file <name>`: no program but a module, which the others of the page import by that name.
 * - `not run: <why>`: the program is type-checked and not run, and reported as skipped.
 *
 * A `text` block that follows a program at once is what it prints, to the letter.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";

export interface Block {
  /** `first-server.12`: the page, and the line of the fence. */
  readonly name: string;
  /** Where it stands among the blocks of all pages: `first-server/12.ts`. */
  readonly path: string;
  readonly language: "ts" | "js" | "sh";
  readonly code: string;
  readonly isServer: boolean;
  /** Whether it is there to be imported. */
  readonly isModule: boolean;
  /** Why it is not run; undefined if it is. */
  readonly notRun: string | undefined;
  /** What it prints; undefined if the page does not show it. */
  readonly output: string | undefined;
}

export interface Page {
  readonly title: string;
  readonly blocks: readonly Block[];
}

const root = resolve(import.meta.dirname, "../../../..");
const languages = { ts: "ts", js: "js", mjs: "js", sh: "sh" } as const;

/** Every page with code, of the guides and of the packages. */
export function pages(): readonly Page[] {
  const guides = readdirSync(`${root}/docs/guides`).filter((file) => file.endsWith(".md"));
  const files = guides.map((file): [string, string] => [basename(file, ".md"), `${root}/docs/guides/${file}`]);
  for (const name of ["body", "core", "util"]) files.push([`package-${name}`, `${root}/packages/${name}/README.md`]);
  return files
    .map(([title, file]) => ({ title, blocks: blocksOf(title, readFileSync(file, "utf8")) }))
    .filter(({ blocks }) => blocks.length > 0);
}

/** The programs of a page. @throws Error for a fence that is not closed, or whose words the runner does not know. */
export function blocksOf(title: string, text: string): readonly Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^(`{3,})(\w*) ?(.*)$/.exec(lines[at] as string);
    if (fence === null) continue;
    const [, ticks, language, words] = fence as unknown as [string, string, string, string];
    const end = lines.indexOf(ticks, at + 1);
    const name = `${title}.${at + 1}`;
    if (end < 0) throw new Error(`${name}: the fence is not closed`);
    const code = `${lines.slice(at + 1, end).join("\n")}\n`;
    if (Object.hasOwn(languages, language)) {
      const kind = languages[language as keyof typeof languages];
      const isServer = words === "server";
      const notRun = /^not run: (.+)$/.exec(words)?.[1];
      const file = /^file ([\w-]+\.ts)$/.exec(words)?.[1];
      if (words !== "" && !isServer && notRun === undefined && file === undefined) {
        throw new Error(`${name}: what is "${words}"?`);
      }
      const path = `${title}/${file ?? `${at + 1}.${kind}`}`;
      const output = printedAfter(lines, end);
      blocks.push({ name, path, language: kind, code, isServer, isModule: file !== undefined, notRun, output });
    }
    at = end;
  }
  return blocks;
}

/** The `text` block behind line `end`, if nothing stands between. */
function printedAfter(lines: readonly string[], end: number): string | undefined {
  if (lines[end + 1] !== "" || lines[end + 2] !== "```text") return undefined;
  const close = lines.indexOf("```", end + 3);
  return `${lines.slice(end + 3, close).join("\n")}\n`;
}
