// curl, if there is one.

import { spawn } from "node:child_process";

const always = ["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20"];

/** Runs curl to its end; `undefined` if it is not installed. */
export function curl(args, input) {
  return new Promise((resolve, reject) => {
    const child = spawn("curl", [...always, ...args]);
    const stdout = [];
    let stderr = "";
    child.stdout.on("data", (chunk) => stdout.push(chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", (error) => (error.code === "ENOENT" ? resolve(undefined) : reject(error)));
    child.on("close", (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
    // What curl does not take of its input shows in its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
