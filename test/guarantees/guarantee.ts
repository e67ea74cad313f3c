/**
 * A guarantee as a value that watches a program: it is called with each event in the step in which it
 * happens, and whenever time is about to pass.
 */

export interface Guarantee<in Event> {
  readonly onEvent?: (event: Event) => void
  /** Nothing more happens at this instant, and nothing will happen before that one. Not called while the program is closed. */
  readonly onPass?: (until: number) => void
  /** The program's scope is about to be closed. */
  readonly onClose?: () => void
  /** The scope is closed. */
  readonly onClosed?: () => void
  /** What the close has interrupted has come to its end as well. */
  readonly onEnd?: () => void
}

/** Guarantees as one, in their order. */
export const all = <Event>(guarantees: ReadonlyArray<Guarantee<Event>>): Required<Guarantee<Event>> => {
  let isClosing = false
  return {
    onEvent: (event) => {
      for (const guarantee of guarantees) guarantee.onEvent?.(event)
    },
    onPass: (until) => {
      if (!isClosing) for (const guarantee of guarantees) guarantee.onPass?.(until)
    },
    onClose: () => {
      isClosing = true
      for (const guarantee of guarantees) guarantee.onClose?.()
    },
    onClosed: () => {
      for (const guarantee of guarantees) guarantee.onClosed?.()
    },
    onEnd: () => {
      for (const guarantee of guarantees) guarantee.onEnd?.()
    }
  }
}

export interface Violation {
  readonly guarantee: string
  /** In milliseconds. */
  readonly at: number
  readonly detail: string
}

/** Reports a violation, for example of "G1", with what is wrong. */
export type Violate = (guarantee: string, detail: string) => void

/** Collects violations in the order in which they are found, up to 50. */
export const violations = (
  now: () => number
): { readonly found: ReadonlyArray<Violation>; readonly violate: Violate } => {
  const found: Array<Violation> = []
  return {
    found,
    violate: (guarantee, detail) => {
      if (found.length < 50) found.push({ guarantee, at: now(), detail })
    }
  }
}
