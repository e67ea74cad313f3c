import { agreed, differs, type Result } from "./result.js"

/** Notes what differs. */
export type Same = (what: string, expected: unknown, actual: unknown) => void

/** The comparisons of one named vector, together; a throw inside is a difference like any other. */
export const vector = (name: string, body: (same: Same) => void): Result => {
  const differences: Array<string> = []
  try {
    body((what, expected, actual) => {
      const [theirs, ours] = [JSON.stringify(expected), JSON.stringify(actual)]
      if (theirs !== ours) differences.push(`${what}: expected ${theirs}, got ${ours}`)
    })
  } catch (error) {
    differences.push(String(error))
  }
  const [first] = differences
  return first === undefined ? agreed(name) : differs(name, first)
}
