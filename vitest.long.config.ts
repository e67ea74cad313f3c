import { defineConfig, mergeConfig } from "vitest/config"
import all from "./vitest.config.js"

/** What runs for minutes: worlds in virtual time, recorded runs, processes and networks that fail, a browser, and many random inputs. */
export const long = [
  "test/cli/{bin,reload,service,telemetry,terminal}.test.ts",
  "test/conformance.test.ts",
  "test/conformance/*.test.ts",
  "test/contrib/container.test.ts",
  "test/docs/service.test.ts",
  "test/integration/**/*.test.ts",
  "test/internal/curve.test.ts",
  "test/layers/PostgresBackupDb.test.ts",
  "test/layers/PostgresClientDb.{commits,deadlocks,pooler}.test.ts",
  "test/layers/backup/worlds/*.test.ts",
  "test/layers/negotiator/{guarantees,hostileTowers,worlds,random,found}.test.ts",
  "test/layers/soak.test.ts",
  "test/page/*.test.ts",
  "test/schema/json.test.ts",
  "test/services/*/model.test.ts",
  "test/simulation/*.test.ts"
]

// `npm run test:long`.
const { test, ...config } = all
export default mergeConfig(config, defineConfig({ test: { ...test, include: long } }))
