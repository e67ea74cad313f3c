import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**", "test/package/**"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // One file more than cores: those of Postgres wait for the server most of the time.
    maxWorkers: availableParallelism() + 1,
    minWorkers: 1,
    // Files share the modules of their worker: with modules of its own for each file, a third of the time is imports.
    isolate: false,
    setupFiles: ["test/setup.ts"]
  }
})
