/**
 * A real tower that goes away at an exact moment, and comes back on the same database.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { KeyIndex } from "../../src/schema/Ids.js"
import * as Client from "./support/client.js"
import * as Gate from "./support/gate.js"
import { note } from "./support/matrix.js"
import * as Outcome from "./support/outcome.js"
import * as Record from "./support/record.js"
import * as Tower from "./support/tower.js"

const ended = ["ConnectionEnded"]
const endedInHandshake = ["HandshakeFailed(1 Ended)", "HandshakeFailed(2 Ended)", ...ended]
const forgotten = ["MessageTimeout", "HandshakeFailed(2 Timeout)"]

/**
 * A tower that is killed takes its sockets with it. One that stops closes those that it serves; a connection that its
 * server does not know yet it forgets, with the socket open.
 */
const endings = (how: "stopped" | "killed", { operation, when }: Gate.Moment): ReadonlyArray<string> => {
  if (operation === "dial" && when === "before") return ["DialFailed(Refused)"]
  if (operation === "CreateSession") {
    // Nothing holds the tower back from answering what was written before it goes.
    return when === "after" ? [...ended, "session"] : ended
  }
  const handshakeIsOver = operation === "act three and Init" && when === "after"
  return [...(handshakeIsOver ? ended : endedInHandshake), ...(how === "stopped" ? forgotten : [])]
}

const moments = Gate.operations.flatMap(
  (operation): ReadonlyArray<Gate.Moment> => [
    { when: "before", operation },
    { when: "after", operation }
  ]
)

describe.each(Tower.binaries)("%s", (binary) => {
  const { chain } = Tower.kinds[binary]

  for (const moment of moments) {
    for (const how of ["stopped", "killed"] as const) {
      it.scopedLive(`is ${how} ${moment.when} ${moment.operation}, and gives one session when it is back`, (context) =>
        Effect.gen(function* () {
          const first = yield* Tower.start(binary)
          const dialer = Gate.make(moment, Effect.orDie(how === "stopped" ? first.stop : first.kill))
          const client = yield* Client.make({ dialer, handshakeTimeout: "1 second", messageTimeout: "1 second" })
          yield* client.add(first)
          const negotiator = yield* client.negotiator(Client.proposal(chain))
          const end = Outcome.ofRound(yield* Effect.either(negotiator.negotiate))
          assert.include(endings(how, moment), end)

          const tower = yield* how === "stopped"
            ? Effect.as(first.start, first)
            : Tower.start(binary, { folder: first.folder, listen: first.address })
          if (end !== "session") yield* negotiator.negotiate
          const ours = yield* client.db.listClientSessions()
          assert.deepStrictEqual(
            (yield* tower.sessions).map((session) => session.encoded),
            ours.map((session) => Record.encoded(session))
          )
          // A key that was shown rests until the tower's end is seen; until then the next visit takes another one.
          assert.deepStrictEqual(
            ours.map((session) => session.keyIndex),
            [KeyIndex.make(end === "MessageTimeout" ? 2 : 1)]
          )
          note(context, tower.version, 2, `${how} ${moment.when} ${moment.operation}`, `${end}, then a session`)
        })
      )
    }
  }
})
