import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**", "test/package/**"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // A file for each core: by default one core stays free.
    maxWorkers: "100%",
    minWorkers: 1,
    setupFiles: ["test/setup.ts"]
  }
})
