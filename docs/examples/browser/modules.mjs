// Modules for browsers, unbundled: where their files are, and what they are to be called.
//
// An import map could name the packages for the page, but none reaches into a Worker. So names of packages are made paths in
// what is served. A bundler does this, and more, for a page that is published.

import { fileURLToPath } from "node:url";

const ownFiles = new Set(
  [
    "index.html",
    "style.css",
    "main.mjs",
    "exchange.mjs",
    "frame-log.mjs",
    "frame-table.mjs",
    "service.mjs",
    "worker.mjs",
  ].map((name) => `/${name}`),
);

/** Where each package is; its built modules are in `dist`. */
const packages = ["body", "core", "util"].map((name) => ({
  path: `/@sluice/${name}/`,
  folder: new URL(".", import.meta.resolve(`@sluice/${name}/package.json`)).href,
}));

/** The file behind a path, if there is one that is to be had. */
export function fileOf(path) {
  if (ownFiles.has(path)) return fileURLToPath(new URL(`.${path}`, import.meta.url));
  const own = packages.find((one) => path.startsWith(one.path));
  const rest = path.slice(own?.path.length);
  return own !== undefined && /^dist(?:\/[\w-]+)+\.js$/.test(rest) ? fileURLToPath(own.folder + rest) : undefined;
}

/** The module with `from "@sluice/core"` made `from "/@sluice/core/dist/index.js"`. */
export function namesAsPaths(text) {
  return text.replace(/(\bfrom\s+)"(@sluice\/[\w/-]+)"/g, (_, from, name) => `${from}"${pathOf(name)}"`);
}

function pathOf(name) {
  const { href } = new URL(import.meta.resolve(name));
  const own = packages.find(({ folder }) => href.startsWith(folder));
  return own === undefined ? name : own.path + href.slice(own.folder.length);
}
