// From the path of a request to an open file within the folder, and to nothing outside.

import { constants, open, realpath } from "node:fs/promises";
import { join, sep } from "node:path";

/** No symbolic link in the place of the file that was looked at, and no waiting for the other end of a pipe. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The file, open, and what is known of it; `undefined` if there is none for this path. Who gets it closes it. */
export async function openFile(root, path) {
  const names = namesOf(path);
  if (names === undefined) return undefined;
  try {
    const folder = await realpath(root);
    const real = await realpath(join(folder, ...names));
    // A link may lead anywhere; only what is in the folder is in it.
    if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return undefined;
    const handle = await open(real, flags);
    // Of the open file: what a name means can change at any time.
    const stat = await handle.stat({ bigint: true });
    if (stat.isFile()) return { handle, path: real, size: Number(stat.size), mtimeNs: stat.mtimeNs, ino: stat.ino };
    await handle.close();
  } catch (error) {
    // To a client these are all the same.
    if (!["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENAMETOOLONG", "ENXIO", "EISDIR"].includes(error.code)) throw error;
  }
  return undefined;
}

/** The names that make up a path, decoded one by one; `undefined` unless each can only be the name of what is there. */
function namesOf(path) {
  try {
    const names = path.slice(1).split("/").map(decodeURIComponent);
    return names.some((name) => name === "" || name.startsWith(".") || /[/\\\0]/.test(name)) ? undefined : names;
  } catch {
    return undefined;
  }
}
