// npm run pack: packs the packages as they would be published, into ./packed or the folder that is named, and prints the
// command that installs them elsewhere.

import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { install, mustRun, pnpm, root, turbo } from "./lib.mjs";

const folder = resolve(root, process.argv[2] ?? "packed");

await install({ quiet: true });
await mustRun(...turbo("build"), { quiet: true });
await mustRun(...pnpm("--filter", "./packages/*", "pack", "--pack-destination", folder), { quiet: true });

const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
console.log(`npm install ${tarballs.map((name) => join(folder, name)).join(" ")}`);
