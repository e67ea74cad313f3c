/** `npm run mutants [-- PART-OR-TEXT-OF-A-FAULT...]`: do the tests notice faults (see test/mutation)? */
import { run } from "../test/mutation/run.js"

process.exitCode = await run(process.argv.slice(2), console)
