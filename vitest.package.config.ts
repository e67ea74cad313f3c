import { defineConfig } from "vitest/config"

// The packed tarball as its users have it: `npm run test:package`. It compiles and type-checks everything.
export default defineConfig({
  test: { include: ["test/package/**/*.test.ts"], testTimeout: 600_000, hookTimeout: 600_000 }
})
