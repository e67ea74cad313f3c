/** What a small fault is, which is put into the code on purpose. */

/** In this file, exactly this text, which stands there once, becomes that. */
export interface Mutant {
  readonly file: string
  readonly from: string
  readonly to: string
  /** Why no test can notice it. It does not count, and is told with this reason; where a test notices it, the reason is wrong. */
  readonly equivalent?: string
}

/** Faults of one part, and the tests that must notice them: the quick ones first, then those that take longer, if any. */
export interface Part {
  readonly name: string
  /** Words for Vitest: files, or an option. */
  readonly quick: ReadonlyArray<string>
  readonly thorough: ReadonlyArray<string>
  readonly mutants: ReadonlyArray<Mutant>
}

export const inFile = (
  file: string,
  ...changes: ReadonlyArray<readonly [from: string, to: string, equivalent?: string]>
): ReadonlyArray<Mutant> =>
  changes.map(([from, to, equivalent]) => ({ file, from, to, ...(equivalent === undefined ? {} : { equivalent }) }))
