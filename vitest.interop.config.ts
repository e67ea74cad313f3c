import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts"],
    globalSetup: ["test/interop/support/build.ts"],
    setupFiles: ["test/setup.ts"],
    reporters: ["default", "./test/interop/support/matrix.ts"],
    // The towers' own timeouts of 5 s are real time: tests that wait for one another must not starve them.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 600_000
  }
})
