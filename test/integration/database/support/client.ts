/**
 * A client in a process of its own: it negotiates sessions as its plan says, and prints what it did, a line a word. A line
 * is written before anything else happens, so that what was said stays said when the process is killed.
 */
import { createInterface } from "node:readline"
import { Context, Effect, Layer, Schema } from "effect"
import { leaseMs } from "../../../../src/schema/Reservation.js"
import { SessionNegotiator } from "../../../../src/services/SessionNegotiator.js"
import { reaching } from "./breakpoint.js"
import { clockAhead } from "./clockAhead.js"
import { negotiating, type Witness } from "./negotiating.js"
import { type Breakpoint, Plan } from "./plan.js"
import { writeLine } from "./say.js"

const plan = Schema.decodeUnknownSync(Schema.parseJson(Plan))(process.argv[2])

const sayNow = (...words: ReadonlyArray<string>) => writeLine(words.join(" "))
const say: Witness["say"] = (...words) => Effect.sync(() => sayNow(...words))

/** What this process slept through while it was stopped. */
let sleptMs = 0

const reached = reaching<Breakpoint>({
  at: plan.at,
  say: sayNow,
  onLeaseRanOut: () => {
    sleptMs += leaseMs
  }
})
const reach = (breakpoint: Breakpoint) => Effect.sync(() => reached(breakpoint))

const line = Effect.async<void>((resume) => {
  createInterface(process.stdin).once("line", () => resume(Effect.void))
})

const work = Effect.gen(function* () {
  const negotiator = Context.get(yield* negotiating(plan, { reach, say }), SessionNegotiator)
  yield* say("ready")
  if (plan.waits === true) yield* line
  for (let left = plan.sessions ?? Number.POSITIVE_INFINITY; left > 0; left--) {
    const session = yield* negotiator.nextSession
    yield* say("delivered", session.id)
    yield* reach("delivery")
  }
}).pipe(
  Effect.scoped,
  Effect.tapErrorCause((cause) => say("failed", JSON.stringify(cause))),
  Effect.provide(Layer.setClock(clockAhead(() => sleptMs)))
)

await Effect.runPromise(work)
process.exit(0)
