/** `npm run mutants [-- PART-OF-A-FILE-NAME]`: do the tests notice faults (see test/mutation)? */
import { run } from "../test/mutation/run.js"

process.exitCode = await run(process.argv[2], console)
