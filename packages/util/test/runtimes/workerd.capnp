# Runs the suite in workerd: `program.js` is run-workerd.mjs with all it imports. Inbound TCP needs `--experimental`.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "suite", worker = .suite),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [
    (name = "tcp", address = "127.0.0.1:0", tcp = (), service = "suite"),
    (name = "http", address = "127.0.0.1:0", http = (), service = "suite"),
  ],
);

const suite :Workerd.Worker = (
  modules = [(name = "program.js", esModule = embed "program.js")],
  compatibilityDate = "2026-08-04",
  compatibilityFlags = ["experimental"],
);
