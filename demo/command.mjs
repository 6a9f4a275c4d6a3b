// Programs of others, if they are there.

import { spawn } from "node:child_process";

/** Runs a program to its end; `undefined` if it is not installed. */
export function run(command, args, input) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args);
    const stdout = [];
    let stderr = "";
    child.stdout.on("data", (chunk) => stdout.push(chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", (error) => (error.code === "ENOENT" ? resolve(undefined) : reject(error)));
    child.on("close", (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
    // What it does not take of its input shows in its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

export function curl(args, input) {
  return run("curl", ["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", ...args], input);
}

let curlFeatures;

/** Whether curl can do without: true if it is not there at all. */
export async function curlLacks(feature) {
  curlFeatures ??= run("curl", ["--version"]);
  const outcome = await curlFeatures;
  return outcome !== undefined && !new RegExp(`^Features:.*\\b${feature}\\b`, "m").test(outcome.stdout.toString());
}

export function nghttp(args) {
  return run("nghttp", ["--timeout=20", ...args]);
}
