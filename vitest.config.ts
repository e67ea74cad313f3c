import { availableParallelism } from "node:os"
import { resolve } from "node:path"
import { defineConfig } from "vitest/config"

// All tests; `npm test` leaves out those of vitest.long.config.ts.
export default defineConfig({
  // The examples import the package as its users do.
  resolve: {
    alias: [
      { find: /^effect-watchtower$/, replacement: resolve(import.meta.dirname, "src/index.ts") },
      { find: /^effect-watchtower\/(.*)$/, replacement: resolve(import.meta.dirname, "src/$1.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: ["test/interop/**", "test/package/**", "test/site/**"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // One more than cores: the files of Postgres wait for the server most of the time.
    maxWorkers: availableParallelism() + 1,
    minWorkers: 1,
    setupFiles: ["test/setup.ts"]
  }
})
