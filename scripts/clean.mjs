// npm run clean: removes everything the build and the tests have made; the installation stays.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { packageFolders, root } from "./lib.mjs";

const made = [
  ...["coverage", "test-results", ".turbo", "packed", "docs/api/html"].map((name) => join(root, name)),
  ...packageFolders.flatMap((folder) => ["dist", ".turbo"].map((name) => join(folder, name))),
];
for (const path of made) rmSync(path, { recursive: true, force: true });
