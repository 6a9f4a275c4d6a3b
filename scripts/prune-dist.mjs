// Before a package is packed, in its folder: removes from dist what was compiled from sources that are no longer there, which
// neither the compiler nor a cached build does. What is published has its source beside it.

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

const dist = join(process.cwd(), "dist");
const compiled = /\.(js|d\.ts)(\.map)?$/;

for (const entry of readdirSync(dist, { withFileTypes: true, recursive: true })) {
  if (!entry.isFile() || !compiled.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const source = join(process.cwd(), "src", relative(dist, path).replace(compiled, ".ts"));
  if (!existsSync(source)) rmSync(path, { force: true });
}
