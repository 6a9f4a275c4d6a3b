// Sluice's pooled client, with another connection each time.

import { open as openPool } from "./sluice-pool.mjs";

export function open(options) {
  return openPool({ ...options, order: "oldest" });
}
