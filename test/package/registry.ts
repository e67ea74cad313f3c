/** Whether npm reaches a registry: what is tried with packages from there is skipped elsewhere. The other tests of the package need no network. */
import { spawnSync } from "node:child_process"

/** Are packages with programs for Linux on x64 of use here, and can this one be had? Says why `what` is not tried, where not. */
export const has = (name: string, what: string): boolean => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    console.warn(`${what}: not tried, since their packages are for Linux on x64 alone.`)
    return false
  }
  const isThere = spawnSync("npm", ["view", name, "version", "--fetch-retries=0", "--fetch-timeout=20000"]).status === 0
  if (!isThere) console.warn(`${what}: not tried, since npm reaches no registry that has them.`)
  return isThere
}
