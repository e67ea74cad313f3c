/** Mean microseconds of a session by step. */
export type Steps = Readonly<Record<string, number>>

export interface Stopwatch {
  /** A session begins: what was before it belongs to no step. */
  readonly begin: () => void
  /** The step that began where the last one ended is over. */
  readonly ended: (step: string) => void
  readonly means: () => Steps
}

/** Nothing is measured yet. */
export const start = (): Stopwatch => {
  const spent = new Map<string, number>()
  let sessions = 0
  let since = 0
  return {
    begin: () => {
      sessions += 1
      since = performance.now()
    },
    ended: (step) => {
      const now = performance.now()
      spent.set(step, (spent.get(step) ?? 0) + now - since)
      since = now
    },
    means: () => Object.fromEntries(Array.from(spent, ([step, millis]) => [step, (1000 * millis) / sessions]))
  }
}
