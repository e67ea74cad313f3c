/**
 * One vector that was compared: its name, whether all its expected values came out, and else the first difference. `remark` is
 * what the vector is, where the line of its file has to say how many of these there are.
 */
export interface Result {
  readonly name: string
  readonly ok: boolean
  readonly detail?: string
  readonly remark?: string
}

/** The vector agreed. */
export const agreed = (name: string): Result => ({ name, ok: true })

/** The vector differs. */
export const differs = (name: string, detail: string): Result => ({ name, ok: false, detail })

/** Compares texts, cutting long ones around the first difference. */
export const same = (name: string, what: string, expected: string, actual: string): Result => {
  if (expected === actual) return agreed(name)
  let at = 0
  while (expected[at] === actual[at]) at++
  const part = (text: string) => {
    const from = Math.max(0, at - 16)
    return `${from > 0 ? "..." : ""}${text.slice(from, at + 16)}${text.length > at + 16 ? "..." : ""}`
  }
  return differs(name, `${what}: expected ${part(expected)}, got ${part(actual)} (differs at character ${at})`)
}

/** The first of several comparisons of one vector that differs, or agreement. */
export const all = (name: string, ...results: ReadonlyArray<Result>): Result =>
  results.find((result) => !result.ok) ?? agreed(name)
