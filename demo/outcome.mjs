// What several exchanges come to in the same way.

import { checksum, payload } from "./payload.mjs";

export const greeting = "Hello from Sluice\n";

/** What is sent through the echo. */
export const content = payload(8 * 1_048_576);
const expected = checksum(content);

/** `count` bytes with this checksum came back of `content`. */
export function echoed(count, sha256) {
  return {
    result: `${sha256 === expected ? "same" : "DIFFERENT"} SHA-256 ${sha256.slice(0, 8)}...`,
    bytes: count,
    ok: count === content.length && sha256 === expected,
  };
}

/** A program that the machine may not have was run: `undefined` if it is not there, else judged by what it printed. */
export function ranCommand(command, outcome, judge) {
  if (outcome === undefined) return skipped(`${command} is not installed`);
  if (outcome.code === 0) return judge(outcome.stdout);
  return { result: `exit code ${outcome.code}: ${outcome.stderr.trim()}`, ok: false };
}

export function skipped(reason) {
  return { skipped: reason, result: `skipped: ${reason}` };
}
