import { defineConfig } from "vitest/config"

/** What replaces a module before anybody has loaded it, and so has a worker of its own, as each project has. */
const alone = ["test/layers/negotiator/secrets.test.ts"]

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // A file for each core: by default one core stays free.
    maxWorkers: "100%",
    minWorkers: 1,
    // To load Effect and the sources again for each file takes a third of the time of all tests.
    isolate: false,
    setupFiles: ["test/setup.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "shared",
          include: ["test/**/*.test.ts"],
          exclude: ["test/interop/**", "test/package/**", ...alone]
        }
      },
      { extends: true, test: { name: "alone", include: alone } }
    ]
  }
})
