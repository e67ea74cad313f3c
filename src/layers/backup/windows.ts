/**
 * Windows of updates over an open connection: bound in one transaction, sent at once, and confirmed one by one
 * (docs/backups.md, A contact).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { BoundUpdate } from "../../schema/StoredBackup.js"
import { Happening, UpdateRefused, WindowTimeout, WrongLastApplied } from "../../schema/TowerClientEvent.js"
import * as Code from "../../schema/wire/Code.js"
import { StateUpdate } from "../../schema/wire/StateUpdate.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { firstOf, withinBy } from "../concurrency/firstOf.js"
import * as Monotonic from "../negotiator/monotonic.js"
import { expect } from "../support/expectMessage.js"
import {
  type Broken,
  ContactEnd,
  failed,
  type Position,
  Progress,
  refOf,
  type Sender,
  type Target
} from "./contactContext.js"
import { gatherMs } from "./senderState.js"

/** A position, and what is bound there. @since 0.1.0 @category models */
export interface Window extends Position {
  readonly updates: ReadonlyArray<BoundUpdate>
}

/** Stores what was confirmed, and binds what is sent next. @since 0.1.0 @category constructors */
export const nextWindow = (
  { cursor, env, lease: { token } }: Sender,
  session: ClientSession,
  before: Window,
  confirmed: number,
  limit: number
): Effect.Effect<Window, Broken> =>
  Effect.gen(function* () {
    const { clock, db, events, settings, transport } = env
    const stalledSince = clock.unsafeCurrentTimeMillis() - settings.moveAfter
    const request = { acked: confirmed, limit, after: cursor(), route: transport.route, stalledSince }
    const updates = yield* db.nextWindow(token, session.keyIndex, request)
    const ref = refOf(session)
    if (confirmed > before.acked) {
      events.emit(Happening.Acked({ ...ref, first: before.acked + 1, last: confirmed }))
      for (const { channelId, commitHeight, seqNum } of before.updates) {
        if (seqNum > confirmed) break
        events.emit(Happening.CopyMade({ channelId, commitHeight, seqNum, towerId: ref.towerId, session: ref.session }))
      }
    }
    const bound = updates.at(-1)?.seqNum ?? confirmed
    if (bound > before.bound) events.emit(Happening.WindowBound({ ...ref, first: before.bound + 1, last: bound }))
    return { acked: confirmed, bound, updates }
  }).pipe(
    Effect.mapError((error) =>
      error._tag === "NotSender" || error._tag === "SessionEnded" ? ContactEnd.Gone({ reason: error }) : failed(error)
    )
  )

/** Windows of updates, one after another, until nothing is open for the tower for a while. @since 0.1.0 @category constructors */
export const sendAll = (sender: Sender, { position, session }: Target, connection: TowerTransport.Connection) =>
  Effect.gen(function* () {
    const { env, tell, work } = sender
    let window: Window = { ...position, updates: [] }
    let confirmed = position.acked
    for (;;) {
      const before = window
      const kept = sender.kept()
      // Before the cursor is read and the window asked for: states can be opened behind its last one until its answer is here.
      const reopened = sender.reopened()
      const begun = Monotonic.nowBy(env.clock)
      window = yield* nextWindow(sender, session, before, confirmed, env.settings.window)
      const last = window.updates.at(-1)
      if (last === undefined) {
        if (confirmed === session.policy.maxUpdates) return ContactEnd.Exhausted()
        tell(Progress.Idle({ position: window, reopened, kept }))
        env.events.emit(Happening.Lingering(refOf(session)))
        const hungUp = Effect.as(connection.closed, [])
        if ((yield* firstOf(work.takeWithin(env.settings.linger), hungUp)).length === 0) return ContactEnd.Done()
      } else {
        // Of a window that was bound before it is not known what the tower needed when.
        const upTo = window.bound > before.bound ? last.backupId : undefined
        tell(Progress.Sending({ position: window, upTo, reopened }))
        const end = yield* sendWindow(sender, session, window, connection)
        confirmed = end.confirmed
        if (end.broken !== undefined) {
          // What the tower has confirmed is worth a write now: the next contact may be long after this one.
          if (confirmed > window.acked) {
            // Told, since a tower that forgets what it has just confirmed is seen by comparing with this.
            tell(Progress.Stored({ position: yield* nextWindow(sender, session, window, confirmed, 0) }))
          }
          return yield* Effect.fail(end.broken)
        }
        const isFull = window.updates.length >= env.settings.window
        if (!isFull && sender.kept() > kept) yield* Monotonic.sleepUntil(begun + gatherMs)
      }
    }
  })

/** How far a window came. */
interface WindowEnd {
  readonly confirmed: number
  readonly broken?: Broken
}

/** Sends the updates of a window all at once, then reads the replies in their order. */
const sendWindow = (
  sender: Sender,
  session: ClientSession,
  { acked, updates }: Window,
  connection: TowerTransport.Connection
): Effect.Effect<WindowEnd> =>
  Effect.gen(function* () {
    const { env, lease, tell } = sender
    let confirmed = acked
    const talk: Effect.Effect<void, Broken> = Effect.gen(function* () {
      for (const { encryptedBlob, hint, seqNum } of updates) {
        yield* Effect.mapError(lease.holds, (reason) => ContactEnd.Gone({ reason }))
        // `isComplete` would make the tower hang up, and the next window needs the connection.
        const update = new StateUpdate(
          { seqNum, lastApplied: acked, isComplete: 0, hint, encryptedBlob },
          { disableValidation: true }
        )
        yield* Effect.mapError(connection.send(update), failed)
      }
      for (const { seqNum } of updates) {
        const { code, lastApplied } = yield* Effect.mapError(expect(connection, "StateUpdateReply"), failed)
        if (code !== Code.ok) return yield* refused(sender, session, confirmed, seqNum, code)
        if (lastApplied !== seqNum) return yield* Effect.fail(failed(new WrongLastApplied({ seqNum, lastApplied })))
        confirmed = seqNum
        tell(Progress.Confirmed())
      }
    })
    const { windowTimeout } = env.settings
    const end = yield* Effect.either(withinBy(env.alarm, talk, windowTimeout, () => "late" as const))
    if (Either.isRight(end)) return { confirmed }
    return { confirmed, broken: end.left === "late" ? failed(new WindowTimeout({ seqNum: confirmed + 1 })) : end.left }
  })

/** A session that has refused this number of updates is given up. */
const mostRefusals = 3

/** Codes that say that the two sides do not agree on the numbers, or that the tower is done with the session. */
const isRefusal = (code: number): boolean =>
  code === Code.permanentFailure ||
  code === Code.clientBehind ||
  code === Code.maxUpdatesExceeded ||
  code === Code.seqNumOutOfOrder

/** A session without a single confirmed update is not worth the questions: another one costs as much. */
const refused = (
  { env, lease: { token } }: Sender,
  session: ClientSession,
  confirmed: number,
  seqNum: number,
  code: number
): Effect.Effect<never, Broken> =>
  Effect.gen(function* () {
    const failure = new UpdateRefused({ seqNum, code })
    if (!isRefusal(code)) return yield* Effect.fail(failed(failure))
    const refusals = yield* Effect.mapError(env.db.noteRefusal(token, session.keyIndex), (error) =>
      error._tag === "NotSender" ? ContactEnd.Gone({ reason: error }) : failed(error)
    )
    return yield* Effect.fail(
      confirmed === 0 || refusals >= mostRefusals
        ? ContactEnd.Terminal({ reason: "Refused" })
        : ContactEnd.Refused({ seqNum, failure })
    )
  })
