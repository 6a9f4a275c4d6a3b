// npm run check:packaging: are the packages what their users' tools expect? Needs a build (npm run build).
//
// publint and attw look at the very files that would be published; knip finds what nothing uses; size-limit keeps the
// budgets. A check that passes says one line.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { packageFolders, pnpm, run, tool } from "./lib.mjs";

const scratch = mkdtempSync(join(tmpdir(), "sluice-pack-"));
const failures = [];

async function check(name, [command, args], { quiet = true } = {}) {
  const passed = (await run(command, args, { quiet })) === 0;
  console.log(`${passed ? "ok    " : "FAILED"} ${name}`);
  if (!passed) failures.push(name);
}

try {
  for (const folder of packageFolders) {
    const name = basename(folder);
    const tarball = join(scratch, `${name}.tgz`);
    await check(`pack ${name}`, pnpm("--dir", folder, "pack", "--out", tarball));
    await check(`publint ${name}`, tool("publint", "run", tarball, "--strict"));
    await check(`attw ${name}`, tool("attw", tarball, "--profile", "esm-only", "--format", "ascii"));
  }
  await check("knip", tool("knip"));
  await check("size-limit", tool("size-limit"), { quiet: false });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

process.exit(failures.length === 0 ? 0 : 1);
