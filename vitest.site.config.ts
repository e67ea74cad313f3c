import { defineConfig } from "vitest/config"

// The site of the documents as it was built: `npm run docs:site` builds it and runs this.
export default defineConfig({
  test: { include: ["test/site/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 60_000 }
})
