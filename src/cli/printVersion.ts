/**
 * `wtclient --version` without the rest of the program, which takes longer to load than to run.
 *
 * @since 0.1.0
 */
import { Curve } from "../services/Curve.js"
import { exitCodes } from "./support/exitCodes.js"
import { exit, onStop } from "./support/processEnd.js"
import { versionLine } from "./support/version.js"

/** Prints the version, and ends the process. @since 0.1.0 @category combinators */
export const printVersion = (): void => {
  // Its listeners of errors of the output stay, which set the exit code; a signal ends the process at once.
  onStop(() => {})()
  console.log(versionLine(Curve.defaultValue()))
  exit(exitCodes.done.code)
}
