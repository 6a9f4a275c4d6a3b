// npm run demo: installs and builds without a word, then runs the demo with whatever arguments were given.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { install, mustRun, root, turbo } from "./lib.mjs";

await install({ quiet: true });
await mustRun(...turbo("build"), { quiet: true });

const demo = spawn(process.execPath, [join(root, "demo", "main.mjs"), ...process.argv.slice(2)], { stdio: "inherit" });
// A Ctrl-C reaches the demo as well as this process: let the demo decide how to end, and end as it does.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => demo.kill(signal));
demo.on("close", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
