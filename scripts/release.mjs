// npm run release: publishes every package whose version the registry does not have. The release workflow runs it.

import { install, mustRun, pnpm, turbo } from "./lib.mjs";
import "./clean.mjs";

await install();
await mustRun(...turbo("build", "--force"));
await mustRun(...pnpm("exec", "changeset", "publish"));
