import * as fs from "node:fs"
import { Effect } from "effect"

/** Opens files until there is no descriptor left; they are closed with the scope. */
export const exhausted = Effect.acquireRelease(
  Effect.sync(() => {
    const open: Array<number> = []
    try {
      for (;;) open.push(fs.openSync("/dev/null", "r"))
    } catch {
      return open
    }
  }),
  (open) =>
    Effect.sync(() => {
      for (const descriptor of open) fs.closeSync(descriptor)
    })
)
