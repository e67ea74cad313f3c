/**
 * The question where a session stands, and what the tower's answer means (docs/backups.md, A contact).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Excerpt from "../../schema/Excerpt.js"
import { SessionRejected } from "../../schema/NegotiationError.js"
import { Happening } from "../../schema/TowerClientEvent.js"
import * as Code from "../../schema/wire/Code.js"
import { CreateSession } from "../../schema/wire/CreateSession.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { firstOf } from "../concurrency/firstOf.js"
import { expect } from "../support/expectMessage.js"
import { type Broken, ContactEnd, failed, type Position, refOf, type Sender, type Target } from "./contactContext.js"
import { nextWindow } from "./windows.js"

/**
 * Where does the tower stand? CreateSession answers that for a session that has updates; one that has none is made again
 * (lnd v0.21.2 `watchtower/wtserver/create_session.go`). The tower hangs up after its reply, and until then it has the key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ask = (connection: TowerTransport.Connection, { session }: Target): Effect.Effect<number, Broken> =>
  Effect.gen(function* () {
    // Unchecked: a policy's fields are the message's.
    yield* connection.send(new CreateSession(session.policy, { disableValidation: true }))
    const { code, data, lastApplied } = yield* expect(connection, "CreateSessionReply")
    yield* firstOf(connection.closed, Effect.sleep(hangUpWait))
    switch (code) {
      case Code.alreadyExists:
        return lastApplied
      case Code.ok:
      // It may not take such sessions any more; what has been applied under one it would have said.
      case Code.rejectBlobType:
        return 0
      default:
        return yield* new SessionRejected({ code, ...Excerpt.ofData(data) })
    }
  }).pipe(Effect.mapError(failed))

/** Waits this long, in milliseconds, for a tower to hang up. */
const hangUpWait = 2000

/** What the tower's answer means for the session; stores what it has confirmed. @since 0.1.0 @category constructors */
export const readAnswer = (
  sender: Sender,
  { position: { acked, bound }, question, session }: Target,
  lastApplied: number
): Effect.Effect<Position, Broken> => {
  sender.env.events.emit(Happening.Asked({ ...refOf(session), lastApplied }))
  // First, also after a refusal: a tower that was emptied refuses the next update, and what it had counts no more.
  if (lastApplied < acked) return Effect.fail(ContactEnd.Lost({ lastApplied }))
  // A refusal and an answer that do not fit together: what is confirmed there is not known.
  if (question._tag === "AfterRefusal" && lastApplied !== question.seqNum - 1) {
    return Effect.fail(ContactEnd.Terminal({ reason: "Behind" }))
  }
  if (lastApplied > bound) return Effect.fail(ContactEnd.Terminal({ reason: "Ahead" }))
  if (lastApplied === acked) return Effect.succeed({ acked, bound })
  const stored = { acked, bound, updates: [] }
  // What is bound is read before it is confirmed: afterwards it may not be kept any more.
  return nextWindow(sender, session, stored, acked, 0).pipe(
    Effect.flatMap((window) => nextWindow(sender, session, window, lastApplied, 0)),
    Effect.as({ acked: lastApplied, bound })
  )
}
