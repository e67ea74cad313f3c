import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

/** One more than cores: the files of Postgres wait for the server most of the time. */
const workers = availableParallelism() + 1

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**", "test/package/**"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: workers,
    // As many: Vitest ends a worker that is idle also while it hands it a file.
    minWorkers: workers,
    // Files share the modules of their worker: with modules of its own for each file, a third of the time is imports.
    isolate: false,
    setupFiles: ["test/setup.ts"]
  }
})
