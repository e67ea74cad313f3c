/** `npm run mutants [-- PART-OR-PART-OF-A-FILE-NAME...]`: do the tests notice faults (see test/mutation)? */
import { run } from "../test/mutation/run.js"

process.exitCode = await run(process.argv.slice(2), console)
