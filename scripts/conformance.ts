/** `npm run conformance -- DIR` (see test/conformance/run.ts). */
import { run } from "../test/conformance/run.js"

process.exitCode = await run(process.argv.slice(2), console)
