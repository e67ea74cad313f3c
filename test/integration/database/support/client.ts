/**
 * A client in a process of its own: it negotiates sessions as its plan says, and prints what it did, a line a word. A line
 * is written before anything else happens, so that what was said stays said when the process is killed.
 */
import * as fs from "node:fs"
import { createInterface } from "node:readline"
import { Context, Effect, Layer, Schema } from "effect"
import { leaseMs } from "../../../../src/schema/Reservation.js"
import { SessionNegotiator } from "../../../../src/services/SessionNegotiator.js"
import { clockAhead } from "./clockAhead.js"
import { negotiating, type Witness } from "./negotiating.js"
import { type Breakpoint, Plan } from "./plan.js"

const plan = Schema.decodeUnknownSync(Schema.parseJson(Plan))(process.argv[2])

const say: Witness["say"] = (...words) => Effect.sync(() => fs.writeSync(1, `${words.join(" ")}\n`))

/** What this process slept through while it was stopped. */
let sleptMs = 0

let times = 0
const reach = (breakpoint: Breakpoint) =>
  Effect.suspend(() => {
    const { at } = plan
    if (at?.breakpoint !== breakpoint || ++times !== (at.nth ?? 1)) return Effect.void
    if (at.does === "kill") return Effect.sync(() => process.kill(process.pid, "SIGKILL"))
    const { stop } = at.does
    const sleep = Effect.sync(() => {
      process.kill(process.pid, "SIGSTOP")
      if (stop === "lease runs out") sleptMs += leaseMs
    })
    return say("stops", breakpoint).pipe(Effect.andThen(sleep), Effect.andThen(say("continues")))
  })

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
