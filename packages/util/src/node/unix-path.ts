/**
 * The name of a Unix domain socket that is to outlive its listener.
 *
 * libuv removes the name it bound when the listener is closed, also when another process goes on listening on the same
 * socket. So a passing name is bound, and once it listens renamed to the real one, which replaces an older file in one
 * step: at no moment a client finds nothing, and libuv later removes a name that is not there.
 */
import { renameSync } from "node:fs";
import { dirname, join } from "node:path";

let counter = 0;

/** A name in the directory of `path` (only there renaming is one step), unlike any other this process makes. */
export function passingName(path: string): string {
  counter += 1;
  return join(dirname(path), `.${process.pid.toString(36)}-${counter.toString(36)}`);
}

/** @throws what `rename` throws, such as `EACCES` or `EISDIR`. */
export function publishName(passing: string, path: string): void {
  renameSync(passing, path);
}
