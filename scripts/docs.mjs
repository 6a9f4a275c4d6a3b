// npm run docs: builds the API reference from the docstrings into docs/api/html. With `-- --check` it is only checked.

import { install, mustRun } from "./lib.mjs";

await install();
await mustRun(process.execPath, ["docs/api/build.mjs", ...process.argv.slice(2)]);
