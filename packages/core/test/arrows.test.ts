/**
 * Keeps the arrows between the packages: body imports nothing, core imports only @sluice/body, and neither names a
 * global that only some runtimes have. The linter says the same while one types; this test reads the sources as a
 * parser does, so that casts, type imports, re-exports and ways around by `globalThis` are seen too.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { parseSync } from "oxc-parser";
import { describe, expect, test } from "vitest";

const packages = resolve(import.meta.dirname, "../..");

/** What a package's sources may name. */
interface Arrows {
  /** Packages that may be imported, by their exact specifier. */
  readonly imports: readonly string[];
  /** Files, relative to `src`, that may look for `Buffer` on `globalThis`. */
  readonly detectBuffer: readonly string[];
}

const arrows: Readonly<Record<string, Arrows>> = {
  body: { imports: [], detectBuffer: [] },
  core: { imports: ["@sluice/body"], detectBuffer: ["bytes/latin1.ts"] },
};

/** Never to be read as a variable, nor from `globalThis`. */
const foreignGlobals: ReadonlySet<string> = new Set([
  "Buffer",
  "process",
  "global",
  "setImmediate",
  "clearImmediate",
  "require",
  "module",
  "__dirname",
  "__filename",
  "Bun",
  "Deno",
  "document",
]);

/** A syntax tree's node, as far as this test cares. */
interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

/** What breaks the arrows in one file of a package, one line per finding; `file` is relative to the package's `src`. */
function violations(file: string, source: string, allowed: Arrows): string[] {
  const { program, comments, errors } = parseSync(file, source);
  const found: string[] = errors.map((error) => `does not parse: ${error.message}`);

  const checkSpecifier = (specifier: unknown): void => {
    if (!isNode(specifier) || typeof specifier["value"] !== "string") {
      found.push("imports what is not a literal");
    } else if (/^\.\.?\//.test(specifier["value"])) {
      // A relative path stays inside the package's sources: seen from `src`, it never climbs.
      const target = relative("src", join("src", file, "..", specifier["value"]));
      if (target.split(sep)[0] === "..") found.push(`imports ${specifier["value"]}, outside of src`);
    } else if (!allowed.imports.includes(specifier["value"])) {
      found.push(`imports ${specifier["value"]}`);
    }
  };

  const checkGlobal = (name: string, viaGlobalThis: boolean): void => {
    if (!foreignGlobals.has(name)) return;
    if (name === "Buffer" && viaGlobalThis && allowed.detectBuffer.includes(file)) return;
    found.push(`uses ${viaGlobalThis ? "globalThis." : ""}${name}`);
  };

  const visit = (node: Node, parent: Node | null, role: string): void => {
    if (/^(Import|ExportAll|ExportNamed)/.test(node.type) && isNode(node["source"])) checkSpecifier(node["source"]);
    if (node.type === "TSImportType") checkSpecifier(node["source"]);
    if (node.type === "TSExternalModuleReference") checkSpecifier(node["expression"]);
    if (node.type === "TSModuleDeclaration") found.push("declares a module or global types");

    if (node.type === "Identifier" && !isLabelOfMember(parent, role)) checkGlobal(String(node["name"]), false);
    if (node.type === "MemberExpression" && isGlobalThis(node["object"])) {
      const name = memberName(node["property"], node["computed"] === true);
      if (name === null) found.push("reads a computed member of globalThis");
      else checkGlobal(name, true);
    }
    if (node.type === "VariableDeclarator" && isNode(node["id"]) && isGlobalThis(node["init"])) {
      found.push("takes globalThis apart or renames it");
    }

    for (const [key, value] of Object.entries(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, node, key);
    }
  };
  visit(program as unknown as Node, null, "");

  for (const comment of comments) {
    // A library of the language itself is no more than what `tsconfig.json` names.
    if (/^\/\s*<reference\s(?!lib="esnext\.)/.test(comment.value)) found.push("refers to types with a /// comment");
  }
  return found;
}

/** `x.process`, `{ process: 1 }`, `process(): void` in a class: the name of a member, not a variable. */
function isLabelOfMember(parent: Node | null, role: string): boolean {
  if (parent === null || parent["computed"] === true) return false;
  if (role === "property" && parent.type === "MemberExpression") return true;
  if (role === "key") return parent["shorthand"] !== true;
  return role === "right" && parent.type === "TSQualifiedName";
}

function memberName(property: unknown, computed: boolean): string | null {
  if (!isNode(property)) return null;
  if (!computed) return String(property["name"]);
  return property.type === "Literal" && typeof property["value"] === "string" ? property["value"] : null;
}

/** `globalThis`, however it is parenthesised or cast. */
function isGlobalThis(value: unknown): boolean {
  let node = value;
  while (isNode(node) && isNode(node["expression"])) node = node["expression"];
  return isNode(node) && node.type === "Identifier" && node["name"] === "globalThis";
}

function sourcesOf(name: string): string[] {
  const folder = join(packages, name, "src");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
}

describe.each(Object.keys(arrows))("the arrows of @sluice/%s", (name) => {
  const allowed = arrows[name];

  test("its manifest depends on nothing else", () => {
    const manifest = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"));
    const fields = ["dependencies", "peerDependencies", "optionalDependencies"];
    expect(fields.flatMap((field) => Object.keys(manifest[field] ?? {}))).toEqual(allowed?.imports);
  });

  test("its sources import and name nothing else", () => {
    const files = sourcesOf(name);
    expect(files.length).toBeGreaterThan(0);
    const found = files.flatMap((file) => {
      const source = readFileSync(join(packages, name, "src", file), "utf8");
      return violations(file, source, allowed as Arrows).map((finding) => `${file} ${finding}`);
    });
    expect(found).toEqual([]);
  });
});

describe("the checker", () => {
  const core: Arrows = { imports: ["@sluice/body"], detectBuffer: ["bytes/latin1.ts"] };

  test.each([
    ['import { Socket } from "node:net";', "imports node:net"],
    ['import type { Socket } from "node:net";', "imports node:net"],
    ['import "undici";', "imports undici"],
    ['import { a } from "@sluice/util/node";', "imports @sluice/util/node"],
    ['import { a } from "@sluice/body/deep";', "imports @sluice/body/deep"],
    ['export { a } from "fs";', "imports fs"],
    ['export * from "fs";', "imports fs"],
    ['import fs = require("fs");', "imports fs"],
    ['type S = import("node:net").Socket;', "imports node:net"],
    ['const net = await import("node:net");', "imports node:net"],
    ["const net = await import(name);", "imports what is not a literal"],
    ['import { a } from "../../body/src/index.ts";', "imports ../../body/src/index.ts, outside of src"],
    ['/// <reference types="node" />\nexport {};', "refers to types with a /// comment"],
    ['/// <reference lib="dom" />\nexport {};', "refers to types with a /// comment"],
    ["declare global { const Bun: unknown }", "declares a module or global types"],
    ["const a = Buffer.from([]);", "uses Buffer"],
    ["function f(chunk: Buffer): void {}", "uses Buffer"],
    ["const a = typeof process;", "uses process"],
    ["setImmediate(() => {});", "uses setImmediate"],
    ["const a = { process };", "uses process"],
    ["const a = table[global];", "uses global"],
    ["const a = globalThis.Buffer;", "uses globalThis.Buffer"],
    ["const a = (globalThis as { Buffer?: unknown }).Buffer;", "uses globalThis.Buffer"],
    ['const a = globalThis["process"];', "uses globalThis.process"],
    ["const a = globalThis[name];", "reads a computed member of globalThis"],
    ["const { Buffer: b } = globalThis;", "takes globalThis apart or renames it"],
    ["const g = globalThis as unknown as { Buffer: unknown };", "takes globalThis apart or renames it"],
    ["const a = ;", "does not parse"],
  ])("refuses %s", (source, finding) => {
    expect(violations("h1/x.ts", source, core).join("\n")).toContain(finding);
  });

  test.each([
    'import { HeaderMap } from "@sluice/body";',
    'import { a } from "../bytes/ascii.ts";',
    'import { a } from "./y.ts";',
    "queue.process(); class A { process(): void {} global = 1 } const a = { global: 2 };",
    "const a = new TextDecoder(); queueMicrotask(() => {}); globalThis.queueMicrotask(() => {});",
    '/// <reference lib="esnext.disposable" preserve="true" />\nexport {};',
    '// Buffer, process and import "node:net" are only talked about\nconst a = "Buffer";',
  ])("accepts %s", (source) => {
    expect(violations("h1/x.ts", source, core)).toEqual([]);
  });

  test("lets one file, and no other, look for Buffer", () => {
    const source = "const a = (globalThis as { Buffer?: unknown }).Buffer;";
    expect(violations("bytes/latin1.ts", source, core)).toEqual([]);
    expect(violations("bytes/latin1.ts", "const a = Buffer;", core)).toEqual(["uses Buffer"]);
    expect(violations("bytes/ascii.ts", source, core)).toEqual(["uses globalThis.Buffer"]);
  });
});
