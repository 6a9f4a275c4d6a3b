import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const packages = fileURLToPath(new URL("./packages/", import.meta.url));

// One run for all packages. `@sluice/...` resolves to the sources, so tests need no build.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^@sluice\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
      { find: /^@sluice\/([^/]+)\/(.+)$/, replacement: `${packages}$1/src/$2` },
    ],
  },
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts"],
    // Sized for a machine with two cores. Property tests and real sockets want time when both are busy.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/*.test.ts"],
      reporter: ["text", "html", "json-summary"],
      reportsDirectory: "coverage",
    },
  },
});
