import { defineConfig, mergeConfig } from "vitest/config"
import all from "./vitest.config.js"
import { long } from "./vitest.long.config.js"

// `npm test`.
export default mergeConfig(all, defineConfig({ test: { exclude: long } }))
