/**
 * A tower client in a process of its own: it hands in states as its plan says, and prints what it did, a line a word. A line is
 * written before anything else happens, so that what was said stays said when the process is killed. When it reads a line, a lease has
 * run out by its clocks.
 */
import { createInterface } from "node:readline"
import { Cause, Effect, Layer, Logger, LogLevel, Schema } from "effect"
import * as RevokedStates from "../../../../../src/layers/testing/RevokedStates.js"
import { CommitHeight } from "../../../../../src/schema/RevokedState.js"
import { senderLeaseMs } from "../../../../../src/schema/StoredBackup.js"
import { reaching } from "../../support/breakpoint.js"
import { clockAhead } from "../../support/clockAhead.js"
import { chain } from "../../support/negotiating.js"
import { writeLine } from "../../support/say.js"
import { backingUp } from "./backingUp.js"
import { type Breakpoint, Plan, type Word } from "./plan.js"

const plan = Schema.decodeUnknownSync(Schema.parseJson(Plan))(process.argv[2])

const say = (...[word, ...more]: readonly [Word, ...ReadonlyArray<string | number>]) =>
  writeLine([word, ...more].join(" "))

/** How far the clocks of this process are ahead of the system's. */
let aheadMs = plan.aheadMs ?? 0
const letLeaseRunOut = () => {
  aheadMs += senderLeaseMs
}
createInterface(process.stdin).on("line", letLeaseRunOut)

const reach = reaching<Breakpoint>({ at: plan.at, say, onLeaseRanOut: letLeaseRunOut })

/** The most states that wait for their copies. */
const ahead = 6

const work = Effect.gen(function* () {
  const { client, listen } = yield* backingUp(plan, {
    reach,
    onLockedOut: () => say("locked"),
    onFrame: (session, seqNum) => say("frame", session, seqNum)
  })
  listen(({ happening }) => {
    if (happening._tag === "SendingStarted") say("sends")
    if (happening._tag === "SendingStopped") say("waits")
    if (happening._tag === "Stopped") say("failed", JSON.stringify(happening.cause))
  })
  say("ready")
  const { at, channel } = yield* RevokedStates.make({ chain, type: "anchors", number: plan.channel })
  yield* client.registerChannel(channel)
  const { awaits = false, from, states = Number.POSITIVE_INFINITY } = plan
  for (let height = from; height < from + states; height += 1) {
    const { sign, state } = at(height)
    yield* client.backupState(state, sign)
    say("accepted", height)
    // Signing takes all of a process's time, and the sender needs some.
    if (height > ahead) yield* client.awaitBackup(channel.id, CommitHeight.make(height - ahead))
  }
  if (!awaits) return yield* Effect.never
  if (from + states > 1) yield* client.awaitBackup(channel.id, CommitHeight.make(from + states - 1))
  say("complete")
}).pipe(
  Effect.scoped,
  Effect.tapErrorCause((cause) => Effect.sync(() => say("failed", JSON.stringify(Cause.pretty(cause))))),
  Effect.provide(Layer.setClock(clockAhead(() => aheadMs))),
  Logger.withMinimumLogLevel(LogLevel.None)
)

await Effect.runPromise(work)
process.exit(0)
