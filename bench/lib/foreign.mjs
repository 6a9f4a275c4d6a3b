// HTTP/2 servers that are not programs of Node: nghttpd and nginx where installed, and ours on Go's net/http and on Rust's
// hyper, built when first needed. `start` rejects with the reason if there is no such server here.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { mib } from "../servers/start.mjs";
import { freePort, has, startProgram } from "./process.mjs";
import { scratchFile, scratchFolder } from "./scratch.mjs";

/** What a server of files answers; for uploads it is not the count of what came, but as long. */
const contents = { hello: "hello, world\n", mib, size: "1048576" };

/** A folder with what `service` answers as the only file. */
function webRoot(service) {
  scratchFile(`files-${service}`, "index.html", contents[service]);
  return scratchFolder(`files-${service}`);
}

export const nghttpd = {
  name: "nghttpd",
  async start(service, core) {
    needs("nghttpd");
    const port = await freePort();
    const args = ["--no-tls", "-a", "127.0.0.1", "-d", webRoot(service), String(port)];
    return startProgram("nghttpd", core, "nghttpd", args, port);
  },
};

export const nginx = {
  name: "nginx",
  async start(service, core) {
    needs("nginx");
    if (service === "size") throw new Error("nginx answers before it has read what is uploaded");
    const port = await freePort();
    const folder = scratchFolder("nginx");
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    const answer = service === "hello" ? `return 200 "hello, world\\n"` : `root ${webRoot(service)}`;
    const file = scratchFile(
      "nginx",
      `${service}.conf`,
      `daemon off; master_process off; worker_processes 1; pid ${folder}/${service}.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000; ${temporary.join(" ")}
  open_file_cache max=16 inactive=600s; open_file_cache_valid 600s;
  server { listen 127.0.0.1:${port} http2; default_type text/plain; location / { ${answer}; } }
}
`,
    );
    return startProgram("nginx", core, "nginx", ["-e", "stderr", "-c", file], port);
  },
};

export const go = {
  name: "go net/http",
  async start(service, core) {
    const program = built("go", "go-h2", (output) => ["build", "-o", `${output}/go-h2`, "."]);
    return startProgram("go net/http", core, `${program}/go-h2`, ["--service", service]);
  },
};

export const hyper = {
  name: "rust hyper",
  async start(service, core) {
    const args = (output) => ["build", "--release", "--quiet", "--target-dir", output];
    const program = built("cargo", "rust-hyper", args);
    return startProgram("rust hyper", core, `${program}/release/rust-hyper`, ["--service", service]);
  },
};

function needs(command) {
  if (!has(command)) throw new Error(`${command} is not installed`);
}

const buildLimitMs = 300_000;
/** By name of the server: the folder built into, or why there is none. */
const builds = new Map();

function built(compiler, name, args) {
  if (!builds.has(name)) builds.set(name, build(compiler, name, args));
  const result = builds.get(name);
  if (result instanceof Error) throw result;
  return result;
}

function build(compiler, name, args) {
  if (!has(compiler)) return new Error(`${compiler} is not installed`);
  const source = fileURLToPath(new URL(`../servers/${name}/`, import.meta.url));
  const output = scratchFolder(name);
  try {
    console.log(`building servers/${name}`);
    execFileSync(compiler, args(output), { cwd: source, stdio: ["ignore", "ignore", "pipe"], timeout: buildLimitMs });
    return output;
  } catch (error) {
    const said = String(error.stderr ?? error.message).trim();
    return new Error(`servers/${name} does not build: ${said.split("\n")[0]}`);
  }
}
