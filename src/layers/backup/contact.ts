/**
 * One contact with the tower of a session, from the dial to the last confirmed update: first the question where the session
 * stands, where that is not known, then windows of updates while there are states for it (docs/backups.md, A contact).
 *
 * It may be interrupted at any step. What it knows is in the database, or is asked of the tower again.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type { NotSender, SessionEnded } from "../../schema/BackupError.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { DbError } from "../../schema/DbError.js"
import * as Excerpt from "../../schema/Excerpt.js"
import { PublicKey } from "../../schema/Ids.js"
import {
  type AttemptFailure,
  NoTowerAddrs,
  OnionWithoutProxy,
  SessionRejected,
  TowerErrorMessage,
  UnexpectedMessage
} from "../../schema/NegotiationError.js"
import type { BackupId, BoundUpdate } from "../../schema/StoredBackup.js"
import type { Tower } from "../../schema/Tower.js"
import { kind, type TowerAddress } from "../../schema/TowerAddress.js"
import {
  type ContactFailure,
  Happening,
  type SessionRef,
  type TerminalReason,
  UpdateRefused,
  WindowTimeout,
  WrongLastApplied
} from "../../schema/TowerClientEvent.js"
import type { TransportError } from "../../schema/TransportError.js"
import { checkInit } from "../../schema/wire/CheckInit.js"
import * as Code from "../../schema/wire/Code.js"
import { CreateSession } from "../../schema/wire/CreateSession.js"
import { Init } from "../../schema/wire/Init.js"
import type { Message } from "../../schema/wire/Message.js"
import { StateUpdate } from "../../schema/wire/StateUpdate.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { firstOf } from "../concurrency/firstOf.js"
import type * as Inbox from "../concurrency/inbox.js"
import { scoped } from "../concurrency/scoped.js"
import * as Monotonic from "../negotiator/monotonic.js"
import * as Rules from "../negotiator/Rules.js"
import type { Environment } from "./environment.js"
import type { Lease } from "./lease.js"

/** Where a session stands: up to `acked` confirmed and stored, up to `bound` given out. @since 0.1.0 @category models */
export interface Position {
  readonly acked: number
  readonly bound: number
}

/** What the tower has to be asked first: nothing, where the session stands, or that after it refused an update. @since 0.1.0 @category models */
export type Question = Data.TaggedEnum<{
  None: object
  Where: object
  AfterRefusal: { readonly seqNum: number }
}>
/** @since 0.1.0 @category constructors */
export const Question = Data.taggedEnum<Question>()

/** @since 0.1.0 @category models */
export interface Target {
  readonly session: ClientSession
  readonly tower: Tower
  /** In the order of trial. */
  readonly addresses: ReadonlyArray<TowerAddress>
  readonly position: Position
  readonly question: Question
  /** Ends after the question: the session is only asked about. */
  readonly asksOnly: boolean
}

/** What a contact tells while it goes on. @since 0.1.0 @category models */
export type Progress = Data.TaggedEnum<{
  /** The tower's Init was right. */
  Connected: { readonly address: TowerAddress }
  /** The tower has answered where the session stands. */
  Answered: { readonly position: Position }
  /** A window was bound or read again, and is sent; or the tower has confirmed one more update of it. */
  Sending: { readonly position: Position; readonly last: BackupId }
  Confirmed: object
  /** Nothing is open for the tower. */
  Idle: { readonly position: Position }
}>
/** @since 0.1.0 @category constructors */
export const Progress = Data.taggedEnum<Progress>()

/** How a contact ended. @since 0.1.0 @category models */
export type ContactEnd = Data.TaggedEnum<{
  /** Nothing was left to do. */
  Done: object
  /** All numbers of the session are confirmed. */
  Exhausted: object
  Failed: { readonly failure: ContactFailure | DbError }
  /** The tower hung up before its Init, as it does when it still has another connection with this key. */
  EndedEarly: { readonly failure: ContactFailure }
  Refused: { readonly seqNum: number; readonly failure: UpdateRefused }
  Terminal: { readonly reason: TerminalReason }
  Lost: { readonly lastApplied: number }
  /** The session, or the lease, is not ours any more. */
  Gone: { readonly reason: SessionEnded | NotSender }
}>
/** @since 0.1.0 @category constructors */
export const ContactEnd = Data.taggedEnum<ContactEnd>()

/** What a contact needs of the sender. @since 0.1.0 @category models */
export interface Sender {
  readonly env: Environment
  readonly lease: Lease
  readonly tell: (progress: Progress) => void
  /** Told when there may be a state for an idle contact. */
  readonly work: Inbox.Inbox<"work">
  /** Up to which state the tower needs none. */
  readonly cursor: () => BackupId | undefined
  /** Called when a connection is over on which the key was shown: was the tower's end seen? */
  readonly hungUp: (sawEnd: boolean) => void
}

/** An end before the contact has done all that it could: what would come after it is not done. */
type Broken = Exclude<ContactEnd, { readonly _tag: "Done" | "Exhausted" }>

/** One contact. @since 0.1.0 @category constructors */
export const contact = (sender: Sender, target: Target): Effect.Effect<ContactEnd> =>
  Effect.gen(function* () {
    let position = target.position
    if (target.question._tag !== "None") {
      const reply = yield* connected(sender, target, (connection) => ask(connection, target))
      position = yield* readAnswer(sender, target, reply)
      sender.tell(Progress.Answered({ position }))
    }
    if (target.asksOnly) return ContactEnd.Done()
    return yield* connected(sender, target, (connection) => sendAll(sender, { ...target, position }, connection))
  }).pipe(Effect.catchAll((broken: Broken) => Effect.succeed<ContactEnd>(broken)))

/** What is done with a connection. */
type Use<A> = (connection: TowerTransport.Connection) => Effect.Effect<A, Broken>

/** An address that has failed before the tower said a right Init: the next one may do better. */
class NextAddress extends Data.TaggedError("NextAddress")<{ readonly broken: Broken }> {}

/** A connection to the first address whose tower says a right Init, and what is done with it. */
const connected = <A>(sender: Sender, target: Target, use: Use<A>): Effect.Effect<A, Broken> =>
  Effect.gen(function* () {
    const isReachable = (address: TowerAddress) => sender.env.transport.route === "tor" || kind(address) !== "onion"
    let broken: Broken = failed(target.addresses.length === 0 ? new NoTowerAddrs() : new OnionWithoutProxy())
    for (const address of target.addresses.filter(isReachable)) {
      const used = yield* Effect.either(
        Effect.catchTag(scoped(overConnection(sender, target, address, use)), "NextAddress", Effect.succeed)
      )
      if (Either.isLeft(used)) return yield* Effect.fail(used.left)
      if (!(used.right instanceof NextAddress)) return used.right
      broken = used.right.broken
    }
    return yield* Effect.fail(broken)
  })

const failed = (failure: ContactFailure | DbError): Broken => ContactEnd.Failed({ failure })

const overConnection = <A>(
  { env, hungUp, lease, tell }: Sender,
  { session, tower }: Target,
  address: TowerAddress,
  use: Use<A>
): Effect.Effect<A, Broken | NextAddress, Scope.Scope> =>
  Effect.gen(function* () {
    const { chain } = env.settings
    let isShown = false
    let connection: TowerTransport.Connection | undefined
    // A tower keeps a key for as long as it has not seen the end of its connection.
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(connection?.isClosed ?? Effect.succeed(false), (sawEnd) =>
        Effect.sync(() => (isShown ? hungUp(sawEnd) : undefined))
      )
    )
    const opening = Effect.gen(function* () {
      connection = yield* env.transport.connect<AttemptFailure>({
        tower: tower.publicKey,
        address,
        publicKey: PublicKey.make(session.id),
        onProgress: () => Effect.void,
        ecdh: (point) =>
          Effect.tap(env.keyRing.ecdh({ family: familyTowerSession, index: session.keyIndex }, point), () =>
            Effect.sync(() => {
              isShown = true
            })
          )
      })
      const { policy } = session
      const features = [...Rules.defaults.features(chain, policy.blobType)]
      yield* connection.send(new Init({ features, chainHash: chain.chainHash }))
      yield* checkInit(chain, yield* expect(connection, "Init"))
      return connection
    })
    const open = yield* Effect.mapError(opening, (failure) => {
      const isEnd =
        failure._tag === "ConnectionEnded" || (failure._tag === "HandshakeFailed" && failure.reason === "Ended")
      return new NextAddress({ broken: isEnd ? ContactEnd.EndedEarly({ failure }) : failed(failure) })
    })
    yield* Effect.mapError(lease.holds, (reason) => ContactEnd.Gone({ reason }))
    env.events.emit(Happening.Connected({ ...refOf(session), address }))
    tell(Progress.Connected({ address }))
    return yield* use(open)
  })

/**
 * Where does the tower stand? CreateSession answers that for a session that has updates; one that has none is made again
 * (lnd v0.21.2 `watchtower/wtserver/create_session.go`). The tower hangs up after its reply, and until then it has the key.
 */
const ask = (connection: TowerTransport.Connection, { session }: Target): Effect.Effect<number, Broken> =>
  Effect.gen(function* () {
    yield* connection.send(new CreateSession(session.policy))
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

/** What the tower's answer means for the session; stores what it has confirmed. */
const readAnswer = (
  sender: Sender,
  { position: { acked, bound }, question, session }: Target,
  lastApplied: number
): Effect.Effect<Position, Broken> => {
  sender.env.events.emit(Happening.Asked({ ...refOf(session), lastApplied }))
  // A refusal and an answer that do not fit together: what is confirmed there is not known.
  if (question._tag === "AfterRefusal" && lastApplied !== question.seqNum - 1) {
    return Effect.fail(ContactEnd.Terminal({ reason: "Behind" }))
  }
  if (lastApplied < acked) return Effect.fail(ContactEnd.Lost({ lastApplied }))
  if (lastApplied > bound) return Effect.fail(ContactEnd.Terminal({ reason: "Ahead" }))
  if (lastApplied === acked) return Effect.succeed({ acked, bound })
  const stored = { acked, bound, updates: [] }
  // What is bound is read before it is confirmed: afterwards it may not be kept any more.
  return nextWindow(sender, session, stored, acked, 0).pipe(
    Effect.flatMap((window) => nextWindow(sender, session, window, lastApplied, 0)),
    Effect.as({ acked: lastApplied, bound })
  )
}

/** A position, and what is bound there. */
interface Window extends Position {
  readonly updates: ReadonlyArray<BoundUpdate>
}

/** Stores what was confirmed, and binds what is sent next. */
const nextWindow = (
  { cursor, env, lease: { token } }: Sender,
  session: ClientSession,
  before: Window,
  confirmed: number,
  limit: number
): Effect.Effect<Window, Broken> =>
  Effect.gen(function* () {
    const { db, events, settings } = env
    const stalledSince = (yield* Clock.currentTimeMillis) - settings.moveAfter
    const request = { acked: confirmed, limit, after: cursor(), stalledSince }
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

/** Windows of updates, one after another, until nothing is open for the tower for a while. */
const sendAll = (sender: Sender, { position, session }: Target, connection: TowerTransport.Connection) =>
  Effect.gen(function* () {
    const { env, tell, work } = sender
    let window: Window = { ...position, updates: [] }
    let confirmed = position.acked
    for (;;) {
      window = yield* nextWindow(sender, session, window, confirmed, env.settings.window)
      const last = window.updates.at(-1)
      if (last === undefined) {
        if (confirmed === session.policy.maxUpdates) return ContactEnd.Exhausted()
        tell(Progress.Idle({ position: window }))
        env.events.emit(Happening.Lingering(refOf(session)))
        const hungUp = Effect.as(connection.closed, [])
        if ((yield* firstOf(work.takeWithin(env.settings.linger), hungUp)).length === 0) return ContactEnd.Done()
      } else {
        tell(Progress.Sending({ position: window, last: last.backupId }))
        const end = yield* sendWindow(sender, session, window, connection)
        confirmed = end.confirmed
        if (end.broken !== undefined) {
          // What the tower has confirmed is worth a write now: the next contact may be long after this one.
          if (confirmed > window.acked) yield* nextWindow(sender, session, window, confirmed, 0)
          return yield* Effect.fail(end.broken)
        }
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
    const deadline = (yield* Monotonic.now) + env.settings.windowTimeout
    const late = Effect.as(Monotonic.sleepUntil(deadline), "late" as const)
    let confirmed = acked
    const talk: Effect.Effect<void, Broken> = Effect.gen(function* () {
      for (const { encryptedBlob, hint, seqNum } of updates) {
        yield* Effect.mapError(lease.holds, (reason) => ContactEnd.Gone({ reason }))
        // `isComplete` would make the tower hang up, and the next window needs the connection.
        const update = new StateUpdate({ seqNum, lastApplied: acked, isComplete: 0, hint, encryptedBlob })
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
    const end = yield* Effect.either(firstOf(talk, late))
    if (Either.isLeft(end)) return { confirmed, broken: end.left }
    return end.right === "late"
      ? { confirmed, broken: failed(new WindowTimeout({ seqNum: confirmed + 1 })) }
      : { confirmed }
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

type MessageOf<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

/** The next message, which must be of that kind. */
const expect = <Tag extends Message["_tag"]>(
  connection: TowerTransport.Connection,
  tag: Tag
): Effect.Effect<MessageOf<Tag>, TransportError | UnexpectedMessage | TowerErrorMessage> =>
  Effect.flatMap(
    connection.receive,
    (message): Effect.Effect<MessageOf<Tag>, UnexpectedMessage | TowerErrorMessage> => {
      const isExpected = (candidate: Message): candidate is MessageOf<Tag> => candidate._tag === tag
      if (isExpected(message)) return Effect.succeed(message)
      return message._tag === "ErrorMessage"
        ? Effect.fail(new TowerErrorMessage({ code: message.code, ...Excerpt.ofData(message.data) }))
        : Effect.fail(new UnexpectedMessage({ expected: tag, received: message._tag }))
    }
  )

/** The session, for events. @since 0.1.0 @category combinators */
export const refOf = ({ id, keyIndex, towerId, towerPublicKey }: ClientSession): SessionRef => {
  return { towerId, tower: towerPublicKey, session: id, keyIndex }
}
