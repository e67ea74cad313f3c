/**
 * One connection to one address of a tower, up to a stored session or a typed failure (docs/negotiation.md, An
 * attempt).
 *
 * The conversation may be cut at any step: by the visit's deadline, by the removal of the tower, by a rival that was faster,
 * by the closing of the scope. But from the decoded accepting reply, which takes the claim, to the stored session nothing
 * cuts: the conversation's exit is ignored once `accepted` is set.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Aead from "../../internal/aead.js"
import { ClientSession } from "../../schema/ClientSession.js"
import type { StoreError } from "../../schema/DbError.js"
import * as Excerpt from "../../schema/Excerpt.js"
import { SessionId } from "../../schema/Ids.js"
import {
  type AttemptFailure,
  LeaseExpired,
  TowerErrorMessage,
  UnexpectedMessage
} from "../../schema/NegotiationError.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import * as Policy from "../../schema/Policy.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import { ConnectionEnded, type TransportError } from "../../schema/TransportError.js"
import { checkInit } from "../../schema/wire/CheckInit.js"
import type { Init } from "../../schema/wire/Init.js"
import type { Message } from "../../schema/wire/Message.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { firstOf } from "../firstOf.js"
import * as Monotonic from "./monotonic.js"
import type { Acceptance } from "./Rules.js"
import * as Standings from "./standing.js"
import { Cut, cuttable, enter, type HeldKey, type Lease, noteFailedAttempt, restand, type Visit } from "./visitState.js"

/** One attempt: uninterruptible from the accepting reply on. @since 0.1.0 @category constructors */
export const attempt = (
  visit: Visit,
  key: HeldKey,
  address: TowerAddress
): Effect.Effect<ClientSession, AttemptFailure | Cut> =>
  Effect.uninterruptible(
    Effect.scoped(
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const began = visit.race.begin()
        let connection: TowerTransport.Connection | undefined
        let accepted: Acceptance | undefined

        const conversation = Effect.gen(function* () {
          connection = yield* Scope.extend(connect(visit, key, address), scope)
          const reply = yield* converse(visit, key, address, connection)
          const acceptance = yield* visit.env.rules.readReply(
            reply,
            visit.env.settings.policy,
            key.reservation.keyIndex
          )
          if (!visit.race.claim(visit.tower.id, visit.began)) return yield* new Cut({ by: "rival" })
          accepted = acceptance
        })

        const talk = yield* Effect.exit(Effect.interruptible(cuttable(visit, conversation, address)))
        const end = yield* Effect.exit(
          accepted === undefined ? withoutSession(talk, { address, began }) : store(visit, key, address, accepted)
        )
        const failure = Exit.isFailure(end) ? Cause.failureOption(end.cause) : undefined
        if (failure?._tag === "Some" && failure.value._tag !== "Cut") {
          noteFailedAttempt(visit, failure.value, address, yield* Clock.currentTimeMillis)
        }

        if (connection !== undefined && Exit.isSuccess(end)) {
          enter(visit, "hangingUp", address)
          yield* Effect.exit(Effect.interruptible(hangUp(visit, connection)))
        }
        // Shown in this attempt: the connection is closed at once, and the key rests unless the tower's end was seen.
        if (visit.shownUntil === Number.POSITIVE_INFINITY) {
          const sawEnd = failure?._tag === "Some" && tellsOfEnd(failure.value)
          const ended = sawEnd || (connection !== undefined && (yield* connection.isClosed))
          const now = yield* Monotonic.now
          visit.shownUntil = ended ? now : now + visit.env.settings.hangUpWait
        }
        return yield* end
      })
    )
  )

/** Connects; right before act three is written the lease is checked and the key marked as shown. */
const connect = (visit: Visit, key: HeldKey, address: TowerAddress) => {
  const { keyIndex } = key.reservation
  restand(visit, Standings.attempted)
  enter(visit, "dialling", address)
  visit.waitingFor = "tower"
  return visit.env.transport.connect({
    tower: visit.tower.publicKey,
    address,
    publicKey: key.publicKey,
    onStep: (step) => Effect.sync(() => (step === "connected" ? enter(visit, "handshaking", address) : undefined)),
    ecdh: (point) =>
      Effect.gen(function* () {
        visit.waitingFor = "key ring"
        const secret = yield* visit.env.keyRing.ecdh({ family: familyTowerSession, index: keyIndex }, point)
        visit.waitingFor = "tower"
        // The handshake overwrites it, but never gets it then.
        yield* Effect.onError(leaseHolds(key), () => Effect.sync(() => Aead.wipe(secret)))
        visit.shownUntil = Number.POSITIVE_INFINITY
        visit.env.journal.tell(Happening.KeyShown({ ...visit.ref, keyIndex }))
        return secret
      })
  })
}

/** Init, Init, CreateSession, CreateSessionReply: the client speaks first, always (docs/protocol.md, Init). */
const converse = (visit: Visit, key: HeldKey, address: TowerAddress, connection: TowerTransport.Connection) =>
  Effect.gen(function* () {
    const { createSession, init, settings } = visit.env
    enter(visit, "sendingInit", address)
    yield* connection.send(init)
    enter(visit, "receivingInit", address)
    const theirInit = yield* expect(connection, "Init")
    yield* checkInit(settings.chain, theirInit)
    yield* leaseHolds(key)
    enter(visit, "sendingCreateSession", address)
    const asked = Effect.flatMap(connection.send(createSession), () => {
      enter(visit, "receivingReply", address)
      return expect(connection, "CreateSessionReply")
    })
    const reply = yield* Effect.catchTag(asked, "ConnectionEnded", (end) => hungUpAfter(theirInit, end))
    yield* Effect.annotateCurrentSpan("watchtower.code", reply.code)
    return reply
  }).pipe(
    Effect.withSpan("watchtower.createSession", {
      attributes: {
        "watchtower.negotiator": visit.env.name,
        "watchtower.tower": visit.tower.publicKey,
        "watchtower.address": address
      },
      captureStackTrace: false
    })
  )

/** Some towers refuse by hanging up after their Init: all that they told is in it. */
const hungUpAfter = ({ chainHash, features }: Init, { address }: ConnectionEnded) =>
  new ConnectionEnded({ address, theirInit: { chainHash, ...Excerpt.ofFeatures(features) } })

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

/** Act three and CreateSession are written only while the lease holds by both clocks (docs/negotiation.md, Reservations). */
const leaseHolds = ({ reservation, wall, monotonic }: Lease): Effect.Effect<void, LeaseExpired> =>
  Effect.gen(function* () {
    const byWall = (yield* Clock.currentTimeMillis) - wall
    const byMonotonic = Number((yield* Clock.currentTimeNanos) - monotonic) / 1e6
    if (Math.max(byWall, byMonotonic) < reservation.forMs) return
    return yield* new LeaseExpired({ keyIndex: reservation.keyIndex })
  })

/** What a conversation without an accepting reply comes to; a defect stays one. */
const withoutSession = (
  talk: Exit.Exit<void, AttemptFailure | Cut>,
  attempt: { readonly address: TowerAddress; readonly began: number }
): Effect.Effect<never, AttemptFailure | Cut> => {
  const cause = Exit.isFailure(talk) ? talk.cause : Cause.empty
  const failure = Cause.failureOption(cause)
  if (failure._tag === "Some") {
    return failure.value._tag === "Cut"
      ? Effect.fail(new Cut({ by: failure.value.by, attempt }))
      : Effect.fail(failure.value)
  }
  return Cause.isInterruptedOnly(cause)
    ? Effect.fail(new Cut({ by: "interruption", attempt }))
    : Effect.die(Cause.squash(cause))
}

/** Stores the accepted session; the round knows of it in the same step. Without that the claim is free again. */
const store = (
  visit: Visit,
  { publicKey, reservation }: HeldKey,
  address: TowerAddress,
  { ignoredBytes, rewardPkScript }: Acceptance
): Effect.Effect<ClientSession, StoreError> =>
  Effect.gen(function* () {
    const { book, db, journal, settings } = visit.env
    const { id, publicKey: towerPublicKey } = visit.tower
    if (ignoredBytes > 0) journal.tell(Happening.RewardIgnored({ ...visit.ref, bytes: ignoredBytes }))
    visit.waitingFor = "database"
    enter(visit, "storing", address)
    const now = yield* Clock.currentTimeMillis
    const session = new ClientSession({
      id: SessionId.make(publicKey),
      towerId: id,
      towerPublicKey,
      keyIndex: reservation.keyIndex,
      policy: Policy.of(settings.policy),
      rewardPkScript,
      seqNum: 0,
      towerLastApplied: 0,
      status: "active",
      createdAt: now
    })
    const given = Standings.sessionGiven(book.get(id), address, now)
    const standing = Standings.forgetOthers(given, visit.tower.addresses)
    yield* db.createClientSession(session, reservation, book.update(id, standing))
    book.set(id, standing)
    journal.tell(Happening.SessionStored({ session }))
    visit.race.won(session)
    return session
  }).pipe(Effect.onError(() => Effect.sync(visit.race.release)))

/** Waits, for a short while, until the tower has hung up. */
const hangUp = (visit: Visit, connection: TowerTransport.Connection) =>
  Effect.unlessEffect(firstOf(connection.closed, Effect.sleep(visit.env.settings.hangUpWait)), connection.isClosed)

/** Does the failure itself say that the tower's end was seen? */
const tellsOfEnd = (failure: AttemptFailure | Cut) =>
  failure._tag === "ConnectionEnded" || (failure._tag === "HandshakeFailed" && failure.reason === "Ended")
