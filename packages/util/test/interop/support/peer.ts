/**
 * The programs of others that the interoperability tests talk to.
 *
 * Where one is not installed its tests are reported as skipped. With `SLUICE_INTEROP=required` they are run all the same,
 * and fail by saying what is missing: `describe.skipIf(peer.skipped)`, and `peer.path` wherever the program is started.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

export interface Peer {
  readonly skipped: boolean;
  /** Where the program is. @throws Error if it is not installed. */
  readonly path: string;
}

export function peer(command: string): Peer {
  const found = findCommand(command);
  return {
    skipped: found === undefined && process.env["SLUICE_INTEROP"] !== "required",
    get path() {
      if (found !== undefined) return found;
      throw new Error(`${command} is not installed, and SLUICE_INTEROP=required asks for it`);
    },
  };
}

/** Where the program is, if it is installed; `others` are folders to look into beside the usual ones. */
export function findCommand(command: string, others: readonly string[] = []): string | undefined {
  // Servers live where only root looks.
  const servers = ["/usr/sbin", "/sbin", "/usr/local/sbin"];
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...servers, ...others];
  return folders.map((folder) => join(folder, command)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
