import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

// All tests; `npm test` leaves out those of vitest.long.config.ts.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**", "test/package/**"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // One more than cores: the files of Postgres wait for the server most of the time.
    maxWorkers: availableParallelism() + 1,
    minWorkers: 1,
    setupFiles: ["test/setup.ts"]
  }
})
