/**
 * The packages as they would be published, in the hands of somebody who has nothing else: they install, every subpath can be
 * imported, types fit whatever a program is compiled with, and the programs of the README run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { get } from "node:https";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { peer } from "../interop/support/peer.ts";
import { accepts, freePort } from "../interop/support/ports.ts";
import { type Manifest, root, type Stranger, stranger } from "./stranger.ts";

const openssl = peer("openssl");
const packages = ["@sluice/body", "@sluice/core", "@sluice/util"];
const isBuilt = packages.every((name) => existsSync(join(root, "packages", name.slice(8), "dist")));

/** Packing and installing takes some seconds when the machine is busy. */
const patienceMs = 60_000;

/** What a program can import. */
function subpaths({ name, exports }: Manifest): string[] {
  return Object.keys(exports)
    .filter((subpath) => subpath !== "./package.json")
    .map((subpath) => name + subpath.slice(1));
}

/** Every file in a folder, by its path from there. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

const readme = readFileSync(join(root, "README.md"), "utf8");

/** The code under a heading, in a language. */
function blocks(heading: string, language = "ts"): string[] {
  const start = readme.indexOf(`## ${heading}\n`);
  const text = readme.slice(start, readme.indexOf("\n## ", start));
  return [...text.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(([, code]) => code as string);
}

/** The programs of the README by the names of their files. */
const programs: Readonly<Record<string, string>> = {
  server: blocks("A server")[0] ?? "",
  client: blocks("A client")[0] ?? "",
  "tls-server": blocks("TLS, and the whole loop in one call")[0] ?? "",
  "by-hand-1": blocks("One connection, by hand")[0] ?? "",
  "by-hand-2": blocks("One connection, by hand")[1] ?? "",
};

describe.skipIf(!isBuilt)("the packages as published", () => {
  let they: Stranger;

  beforeAll(async () => {
    they = await stranger();
  }, patienceMs);
  afterAll(() => they?.[Symbol.dispose]());

  const folderOf = (name: string): string => join(they.folder, "node_modules", name);

  test("nothing else is installed, and nothing asks for a workspace", () => {
    expect(they.manifests.map(({ name }) => name)).toEqual(packages);
    expect(readdirSync(join(they.folder, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["@sluice"]);
    for (const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } of they.manifests) {
      for (const [name, range] of Object.entries(dependencies)) expect([name, range]).toEqual([name, "^0.1.0"]);
      expect(Object.keys(dependencies).filter((name) => !packages.includes(name))).toEqual([]);
      for (const name of Object.keys(peerDependencies)) expect(peerDependenciesMeta[name]?.optional).toBe(true);
    }
  });

  test.each(packages)("%s holds what it exports, its sources, and no tests", (name) => {
    const folder = folderOf(name);
    const files = filesIn(folder);
    const { exports, bin = {} } = they.manifests.find((one) => one.name === name) as Manifest;
    const targets = Object.values(exports).flatMap((to) => (typeof to === "string" ? [to] : [to.types, to.default]));
    for (const target of [...targets, ...Object.values(bin)]) expect(files).toContain(target.slice(2));

    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
    const known = /^(LICENSE|README\.md|package\.json|bin\/[\w-]+\.mjs|src\/.+\.ts|dist\/.+\.(js|d\.ts)(\.map)?)$/;
    expect(files.filter((file) => !known.test(file) || /\.test\./.test(file))).toEqual([]);
  });

  test.each(packages)("the maps of %s lead to sources that are there", (name) => {
    const folder = folderOf(name);
    const maps = filesIn(folder).filter((file) => file.endsWith(".map"));
    expect(maps.some((file) => file.endsWith(".d.ts.map"))).toBe(true);
    const lost = maps.flatMap((file) => {
      const path = join(folder, file);
      const { sources } = JSON.parse(readFileSync(path, "utf8")) as { sources: string[] };
      const here = sources.map((source) => resolve(dirname(path), source));
      return [path.slice(0, -".map".length), ...here].filter((target) => !existsSync(target));
    });
    expect(lost).toEqual([]);
  });

  /** Imports everything, in one process; what could not be, and why. */
  async function unimportable(): Promise<unknown> {
    const names = JSON.stringify(they.manifests.flatMap(subpaths));
    const file = they.write(
      "import-all.mjs",
      `const failed = {};
for (const name of ${names}) {
  const exported = await import(name).catch((error) => void (failed[name] = error.message.match(/package '(.*?)'/)?.[1] ?? error.stack));
  if (exported !== undefined && Object.keys(exported).length === 0) failed[name] = "exports nothing";
}
console.log(JSON.stringify(failed));`,
    );
    const { code, stdout, stderr } = await they.run(process.execPath, file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout.toString("utf8"));
  }

  /** Type-checks programs as TypeScript's release `compiler` would, declarations of packages included. */
  async function complaints(compiler: string, options: object, files: readonly string[]): Promise<string> {
    const common = { noEmit: true, strict: true, skipLibCheck: false, target: "es2022", types: [] };
    they.write("tsconfig.json", JSON.stringify({ compilerOptions: { ...common, ...options }, files }));
    const { stdout, stderr } = await they.run(process.execPath, compiler, "--pretty", "false", "-p", they.folder);
    return stdout.toString("utf8") + stderr;
  }

  const compilers = {
    "TypeScript 7": join(root, "node_modules/typescript/bin/tsc"),
    "TypeScript 6": join(root, "docs/api/node_modules/typescript/bin/tsc"),
  };
  const resolutions = [
    { module: "nodenext", moduleResolution: "nodenext" },
    { module: "esnext", moduleResolution: "bundler" },
  ];

  test("body and core need no types but the ones that compilers have", async () => {
    const names = they.manifests.filter(({ name }) => name !== "@sluice/util").flatMap(subpaths);
    they.write(
      "portable.ts",
      names.map((name) => `export * as _${name.replace(/\W/g, "_")} from "${name}";\n`).join(""),
    );
    for (const resolution of resolutions) {
      expect(await complaints(compilers["TypeScript 7"], resolution, ["portable.ts"])).toBe("");
    }
  });

  test("every subpath can be imported, and its types fit; what asks for another package asks for an optional peer", async () => {
    const peers = they.manifests.flatMap(({ peerDependencies }) => Object.keys(peerDependencies ?? {}));
    const lacking = (await unimportable()) as Record<string, string>;
    expect([...new Set(Object.values(lacking))].sort()).toEqual(peers.sort());

    const all = they.manifests.flatMap(subpaths);
    const write = (names: readonly string[]): string =>
      they.write("all.ts", names.map((name) => `export * as _${name.replace(/\W/g, "_")} from "${name}";\n`).join(""));
    they.add("@types/node");
    write(all.filter((name) => lacking[name] === undefined));
    for (const resolution of resolutions) {
      expect(await complaints(compilers["TypeScript 7"], { ...resolution, types: ["node"] }, ["all.ts"])).toBe("");
    }

    they.add(...peers);
    expect(await unimportable()).toEqual({});
    write(all);
    const options = { ...resolutions[0], types: ["node"], exactOptionalPropertyTypes: true };
    expect(await complaints(compilers["TypeScript 6"], options, ["all.ts"])).toBe("");
  });

  test("the programs of the README are TypeScript as well as JavaScript", async () => {
    they.add("@types/node");
    for (const [name, code] of Object.entries(programs)) they.write(`${name}.mts`, code);
    const files = Object.keys(programs).map((name) => `${name}.mts`);
    const options = { ...resolutions[0], types: ["node"] };
    expect(await complaints(compilers["TypeScript 7"], options, files)).toBe("");
  });

  test("the command runs", async () => {
    const { code, stdout, stderr } = await they.run("npx", "--no-install", "sluice-wire", "--help");
    expect({ code, stderr: stderr.replace(/^npm warn .*\n/gm, "") }).toEqual({ code: 0, stderr: "" });
    expect(stdout.toString("utf8")).toMatch(/^Usage: sluice-wire /);
  });

  /** Starts a server of the README on a free port, and waits until it accepts connections. */
  async function started(name: string, port: string): Promise<{ child: ChildProcess; port: number }> {
    const free = await freePort();
    const file = they.write(`${name}.mjs`, programs[name]?.replaceAll(port, String(free)) ?? "");
    const child = spawn(process.execPath, [file], { cwd: they.folder, stdio: ["ignore", "ignore", "inherit"] });
    const end = once(child, "exit").then(() => {
      throw new Error(`${name} ended before it listened`);
    });
    const deadline = performance.now() + 20_000;
    const listening = async (): Promise<void> => {
      while (!(await accepts(free))) if (performance.now() > deadline) throw new Error(`${name} does not listen`);
    };
    await Promise.race([listening(), end]);
    end.catch(() => {});
    return { child, port: free };
  }

  /** What a program of the README prints. */
  async function printed(name: string, port: number): Promise<string> {
    const file = they.write(`${name}.mjs`, programs[name]?.replaceAll("3000", String(port)) ?? "");
    const { code, stdout, stderr } = await they.run(process.execPath, file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.toString("utf8");
  }

  test("the server of the README answers its clients, each a process of its own", async () => {
    const { child, port } = await started("server", "3000");
    try {
      expect(await printed("client", port)).toBe("200 Hello, /world\n\n");
      expect(await printed("by-hand-1", port)).toBe("200 Hello, /world\n\n");
      expect(await printed("by-hand-2", port)).toBe("[ 'Hello, /one\\n', 'Hello, /two\\n', 'Hello, /three\\n' ] 3\n");
    } finally {
      child.kill("SIGKILL");
    }
  });

  test.skipIf(openssl.skipped)("the server over TLS runs with the certificate the README has made", async () => {
    const [command] = blocks("TLS, and the whole loop in one call", "sh");
    const made = await they.run("sh", "-ec", command ?? "exit 1");
    expect({ code: made.code, said: made.code === 0 ? "" : made.stderr }).toEqual({ code: 0, said: "" });

    const { child, port } = await started("tls-server", "3443");
    try {
      const ca = readFileSync(join(they.folder, "cert.pem"));
      const [response] = await once(get({ host: "localhost", port, ca, agent: false }), "response");
      expect((await response.setEncoding("utf8").toArray()).join("")).toBe("Hello by HTTP/1.1\n");
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
