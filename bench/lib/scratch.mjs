// Where benchmarks keep what they build and what servers of files serve: out of the repository's own files.

import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../node_modules/.cache/sluice-bench/", import.meta.url));

/** The path of a folder that exists. */
export function scratchFolder(name) {
  const path = `${folder}${name}`;
  mkdirSync(path, { recursive: true });
  return path;
}

/** The path of a file with that content. */
export function scratchFile(folderName, name, content) {
  const path = `${scratchFolder(folderName)}/${name}`;
  writeFileSync(path, content);
  return path;
}
