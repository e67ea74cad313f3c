import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    setupFiles: ["test/setup.ts"]
  }
})
