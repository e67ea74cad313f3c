#!/usr/bin/env node
/**
 * The program `wtclient`. Everything is loaded from here on, so that a package that is missing is a sentence and no crash.
 *
 * @since 0.1.0
 */
import { commandLine, installCommand, missingPackage } from "./internal/peers.js"

import("./cli/main.js").catch((error: unknown) => {
  const missing = missingPackage(error)
  if (missing === undefined) throw error
  console.error(`wtclient: The package ${missing} is not installed, and the command line needs it.`)
  console.error(`Next: ${installCommand(missing, commandLine)}`)
  process.exitCode = 1
})
