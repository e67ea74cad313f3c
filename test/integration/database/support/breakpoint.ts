/** What befalls a process at one of its breakpoints: it kills itself, or stops until it is continued. */
import { Schema } from "effect"

/** What happens when a process comes to a breakpoint for the n-th time (default: the first). */
export const atOneOf = <Breakpoint extends string>(breakpoints: ReadonlyArray<Breakpoint>) =>
  Schema.Struct({
    breakpoint: Schema.Literal(...breakpoints),
    nth: Schema.optional(Schema.Number),
    /** `stop`: until it is continued; by its clocks that time has passed. */
    does: Schema.Union(
      Schema.Literal("kill"),
      Schema.Struct({ stop: Schema.Literal("clock stands", "lease runs out") })
    )
  })

export interface At<Breakpoint extends string> {
  readonly breakpoint: Breakpoint
  readonly nth?: number | undefined
  readonly does: "kill" | { readonly stop: "clock stands" | "lease runs out" }
}

export interface Options<Breakpoint extends string> {
  readonly at: At<Breakpoint> | undefined
  readonly say: (word: "stops" | "continues", ...more: ReadonlyArray<string>) => void
  readonly onLeaseRanOut: () => void
}

/** To be called at each breakpoint, in the step that reaches it: nothing happens in between. */
export const reaching = <Breakpoint extends string>({ at, onLeaseRanOut, say }: Options<Breakpoint>) => {
  let times = 0
  return (breakpoint: Breakpoint): void => {
    if (at?.breakpoint !== breakpoint || ++times !== (at.nth ?? 1)) return
    if (at.does === "kill") {
      process.kill(process.pid, "SIGKILL")
      return
    }
    say("stops", breakpoint)
    process.kill(process.pid, "SIGSTOP")
    if (at.does.stop === "lease runs out") onLeaseRanOut()
    say("continues")
  }
}
