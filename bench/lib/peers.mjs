// The servers that are measured beside each other, and which of them answer what. A peer is a name, what it speaks, how it is
// started, where its version stands, and whether it is compiled before it runs. `start` rejects with the reason if there is no such server here.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { bytesOf, certificateFile, contentOf, keyFile } from "../servers/start.mjs";
import { built } from "./builds.mjs";
import { freePort, has, loadCore, serverCore, startProgram } from "./process.mjs";
import { scratchFile, scratchFolder } from "./scratch.mjs";

const nodeVersion = `Node ${process.version}`;

/** A server of servers/ that runs in Node. `args` are for the server. */
export function nodeServer(name, file, speaks, { args = [], version = nodeVersion, tls = false, refuses } = {}) {
  return {
    name,
    speaks,
    tls,
    refuses,
    version: () => version,
    /** @param gc Whether it can be told to collect garbage. */
    async start({ protocol, service, tls: isTls = false, gc = false, core = serverCore, more = [] }) {
      const flags = gc ? ["--expose-gc"] : [];
      const given = ["--service", service, "--protocol", protocol, ...(isTls ? ["--tls"] : []), ...args, ...more];
      const server = await startProgram(name, core, process.execPath, [...flags, `servers/${file}.mjs`, ...given]);
      return { ...server, isNode: true };
    },
  };
}

const both = ["h1", "h2c"];
const canned = (service) => (service === "echo" ? "a canned answer is no echo" : undefined);

export const sluice = nodeServer("sluice", "sluice", both, { version: versionOf("../packages/core/"), tls: true });
export const sluiceAsync = nodeServer("sluice async", "sluice", both, {
  args: ["--async"],
  version: `${versionOf("../packages/core/")}, an async service`,
});
export const nodeHttp = nodeServer("node:http", "node-http", ["h1"], { tls: true });
export const nodeHttp2 = nodeServer("node:http2", "node-http2-stream", ["h2c"], { version: `${nodeVersion}, streams` });
export const nodeHttp2Compat = nodeServer("node:http2 compat", "node-http2-compat", ["h2c"]);
export const fastify = nodeServer("fastify", "fastify", ["h1"], { version: installed("fastify") });
export const hono = nodeServer("hono", "hono", ["h1"], { version: `node-server ${installed("@hono/node-server")}` });
export const netCanned = nodeServer("canned", "net-canned", ["h1"], { version: "raw net", refuses: canned });
export const h2Canned = nodeServer("canned", "h2-canned", ["h2c"], { version: "raw net", refuses: canned });

/** The other end of clients with many connections. */
export const gate = {
  name: "gate",
  start({ count }) {
    return startProgram("gate", loadCore, process.execPath, ["servers/gate.mjs", "--count", String(count)]);
  },
};

/** A reverse proxy of servers/; `before` makes it a peer, in front of a server that listens on a port. */
export function proxy(name, file) {
  const before = (port) => ({
    name,
    speaks: ["h1"],
    version: () => nodeVersion,
    start() {
      const path = `servers/${file}.mjs`;
      if (!existsSync(new URL(`../${path}`, import.meta.url))) throw new Error(`there is no bench/${path}`);
      return startProgram(name, serverCore, process.execPath, [path, "--port", "0", "--upstream", String(port)]);
    },
  });
  return { name, before };
}

/** A runtime that runs a server of servers/, found on the PATH or where an environment variable says. */
function runtime(name, variable, flags, speaks) {
  const command = process.env[variable] || name;
  return {
    name,
    speaks,
    version: () => firstLineOf(command, ["--version"]),
    start({ protocol, service }) {
      if (!has(command)) throw new Error(`${command} is not installed, and ${variable} names none`);
      const given = ["--service", service, "--protocol", protocol];
      return startProgram(name, serverCore, command, [...flags, `servers/${name}.mjs`, ...given]);
    },
  };
}

export const bun = runtime("bun", "BENCH_BUN", ["run"], ["h1"]);
export const deno = runtime("deno", "BENCH_DENO", ["run", "--allow-all"], both);

export const go = {
  name: "go net/http",
  isCompiled: true,
  speaks: both,
  tls: true,
  version: () => firstLineOf(`${built("go")}/go`, ["--version"]),
  start({ protocol, service, tls = false }) {
    const [cert, key] = [certificateFile, keyFile].map(fileURLToPath);
    const secure = tls ? ["--tls-cert", cert, "--tls-key", key] : [];
    const given = ["--service", service, "--protocol", protocol, ...secure];
    return startProgram("go net/http", serverCore, `${built("go")}/go`, given);
  },
};

export const hyper = {
  name: "rust hyper",
  isCompiled: true,
  speaks: both,
  version: () => lockedVersion("hyper"),
  start({ protocol, service }) {
    const program = `${built("rust-hyper")}/release/rust-hyper`;
    return startProgram("rust hyper", serverCore, program, ["--service", service, "--protocol", protocol]);
  },
};

/** A folder with what `service` answers as the only file; for uploads it is not the count of what came, but as long. */
function webRoot(service) {
  const content = service === "size" ? "1048576" : Buffer.concat(contentOf(service).pieces);
  scratchFile(`files-${service}`, "index.html", content);
  return scratchFolder(`files-${service}`);
}

export const nghttpd = {
  name: "nghttpd",
  isCompiled: true,
  speaks: ["h2c"],
  version: () => firstLineOf("nghttpd", ["--version"]),
  async start({ service }) {
    if (!has("nghttpd")) throw new Error("nghttpd is not installed");
    const port = await freePort();
    const args = ["--no-tls", "-a", "127.0.0.1", "-d", webRoot(service), String(port)];
    return startProgram("nghttpd", serverCore, "nghttpd", args, port);
  },
  refuses: (service) => (service === "stream" || service === "echo" ? "nghttpd serves files only" : undefined),
};

export const nginx = {
  name: "nginx",
  isCompiled: true,
  speaks: both,
  tls: true,
  version: () => firstLineOf("nginx", ["-v"]),
  refuses(service) {
    if (service === "size") return "nginx answers before it has read what is uploaded";
    return service === "stream" || service === "echo" ? "nginx serves files only" : undefined;
  },
  async start({ protocol, service, tls = false }) {
    if (!has("nginx")) throw new Error("nginx is not installed");
    const port = await freePort();
    return startProgram(
      "nginx",
      serverCore,
      "nginx",
      ["-e", "stderr", "-c", nginxFile(port, protocol, service, tls)],
      port,
    );
  },
};

function nginxFile(port, protocol, service, tls) {
  const folder = scratchFolder("nginx");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const answer = service === "hello" ? `return 200 "hello, world\\n"` : `root ${webRoot(service)}`;
  const listen = `127.0.0.1:${port}${protocol === "h2c" ? " http2" : ""}${tls ? " ssl" : ""}`;
  const [cert, key] = [certificateFile, keyFile].map(fileURLToPath);
  const secure = tls ? `ssl_certificate ${cert}; ssl_certificate_key ${key};` : "";
  return scratchFile(
    "nginx",
    `${protocol}-${service}.conf`,
    `daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
pid ${folder}/${port}.pid; error_log stderr crit;
events { worker_connections 20000; }
http {
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000; ${temporary.join(" ")}
  open_file_cache max=16 inactive=600s; open_file_cache_valid 600s;
  server { listen ${listen}; ${secure} default_type text/plain; location / { ${answer}; } }
}
`,
  );
}

/** Why a peer cannot take part in a scenario at all; undefined if it can. */
export function cannot(peer, { protocol, service, tls = false }) {
  if (!peer.speaks.includes(protocol)) return `does not speak ${protocol}`;
  if (tls && peer.tls !== true) return "has no TLS here";
  if (bytesOf(service) === undefined || peer.refuses !== undefined) return peer.refuses?.(service);
  return undefined;
}

/** What a program says of its version; some say it on standard error. */
function firstLineOf(command, args) {
  try {
    const script = [command, ...args].map((word) => `'${word}'`).join(" ");
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    return execFileSync("sh", ["-c", `${script} 2>&1`], { timeout: 10_000, env })
      .toString()
      .split("\n", 1)[0]
      .replace(/^nginx version: /, "");
  } catch {
    return "unknown version";
  }
}

/** The version of a package that benchmarks depend on; undefined if it is not there. */
export function installed(name) {
  try {
    const main = createRequire(import.meta.url).resolve(name);
    const folder = `/node_modules/${name}/`;
    const root = main.slice(0, main.lastIndexOf(folder) + folder.length);
    return JSON.parse(readFileSync(`${root}package.json`, "utf8")).version;
  } catch {
    return undefined;
  }
}

function versionOf(folder) {
  return JSON.parse(readFileSync(new URL(`../${folder}package.json`, import.meta.url), "utf8")).version;
}

function lockedVersion(crate) {
  try {
    const lock = readFileSync(new URL("../servers/rust-hyper/Cargo.lock", import.meta.url), "utf8");
    return new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`).exec(lock)?.[1] ?? "unknown version";
  } catch {
    return "unknown version";
  }
}
