// npm run build: installs the tools if need be and builds the packages. Afterwards every other script can run.

import { install, mustRun, turbo } from "./lib.mjs";

await install();
await mustRun(...turbo("build"));
