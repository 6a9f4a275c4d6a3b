/** What the runner takes for a program, and what it refuses rather than leaves out. */
import { describe, expect, test } from "vitest";
import { blocksOf } from "./blocks.ts";

const fenced = (fence: string, code = "code"): string => `\`\`\`${fence}\n${code}\n\`\`\`\n`;

describe("blocksOf", () => {
  test("each program with its line, its words and what it prints", () => {
    const text = ["# Title", fenced("ts", "a\n\nb"), fenced("text", "printed"), fenced("mjs server"), ""].join("\n");
    expect(blocksOf("page", `${text}${fenced("sh")}words\n\n${fenced("text", "of something else")}`)).toEqual([
      {
        name: "page.2",
        path: "page/2.ts",
        language: "ts",
        code: "a\n\nb\n",
        isServer: false,
        isModule: false,
        notRun: undefined,
        output: "printed\n",
      },
      expect.objectContaining({
        name: "page.12",
        path: "page/12.js",
        language: "js",
        isServer: true,
        output: undefined,
      }),
      expect.objectContaining({ name: "page.16", language: "sh", code: "code\n", output: undefined }),
    ]);
  });

  test("modules have the name they are imported by, and what is not run says why", () => {
    const [module, other] = blocksOf("page", `${fenced("ts file io.ts")}${fenced("ts not run: needs Bun")}`);
    expect([module?.path, module?.isModule, other?.notRun]).toEqual(["page/io.ts", true, "needs Bun"]);
  });

  test("fences of other languages are no programs, and neither is what stands in them", () => {
    expect(
      blocksOf("page", `${fenced("rust", "fn main() {}")}${fenced("text")}\`\`\`\`md\n${fenced("ts")}\`\`\`\`\n`),
    ).toEqual([]);
  });

  test("words that mean nothing and fences that do not end are mistakes of the page", () => {
    expect(() => blocksOf("page", fenced("ts sever"))).toThrow('page.1: what is "sever"?');
    expect(() => blocksOf("page", "\n```ts\ncode")).toThrow("page.2: the fence is not closed");
  });
});
