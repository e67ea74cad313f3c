/**
 * One connection to one address of a tower, up to a stored session or a typed failure (docs/negotiation.md, An attempt).
 *
 * The conversation may be stopped at any step. But from the decoded accepting reply, which takes the claim, to the stored
 * session nothing stops: the conversation's exit is ignored once `accepted` is set.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Aead from "../../internal/aead.js"
import { ClientSession } from "../../schema/ClientSession.js"
import type { StoreError } from "../../schema/DbError.js"
import * as Excerpt from "../../schema/Excerpt.js"
import { SessionId } from "../../schema/Ids.js"
import type { AttemptFailure } from "../../schema/NegotiationError.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import * as Policy from "../../schema/Policy.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import { ConnectionEnded } from "../../schema/TransportError.js"
import { checkInit } from "../../schema/wire/CheckInit.js"
import type { Init } from "../../schema/wire/Init.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { untilStopped } from "../concurrency/firstOf.js"
import { scoped } from "../concurrency/scoped.js"
import { expect } from "../support/expectMessage.js"
import { annotateWhereTraced, spanWhereTraced } from "../support/spanWhereTraced.js"
import { type DerivedKey, KeyState, leaseHolds } from "./key.js"
import * as Monotonic from "./monotonic.js"
import type { Acceptance } from "./Rules.js"
import * as Standing from "./standingTransitions.js"
import { enter, Stopped, stoppable, type Visit, type WaitsFor } from "./visitContext.js"

/** How an attempt ended, and what that means for its key. `began` is its number in the round. @since 0.1.0 @category models */
export type AttemptEnd = Data.TaggedEnum<{
  Stored: { readonly session: ClientSession }
  Failed: { readonly failure: AttemptFailure; readonly key: KeyState }
  Stopped: { readonly reason: Stopped; readonly began: number; readonly key: KeyState }
}>

/** @since 0.1.0 @category constructors */
export const AttemptEnd = Data.taggedEnum<AttemptEnd>()

/** One attempt; uninterruptible but for its conversation. @since 0.1.0 @category constructors */
export const attempt = (visit: Visit, key: DerivedKey, address: TowerAddress): Effect.Effect<AttemptEnd> =>
  scoped(
    Effect.gen(function* () {
      const { env } = visit
      const began = visit.claim.begin()
      let waitsFor: WaitsFor = "tower"
      let isShown = false
      let connection: TowerTransport.Connection | undefined
      let accepted: Acceptance | undefined

      /** The key's part in the handshake, right before act three is written. */
      const ecdh: TowerTransport.ConnectRequest<AttemptFailure>["ecdh"] = (point) =>
        Effect.gen(function* () {
          const { keyIndex } = key.reservation
          waitsFor = "key ring"
          const secret = yield* env.keyRing.ecdh({ family: familyTowerSession, index: keyIndex }, point)
          waitsFor = "tower"
          // The handshake overwrites it, but does not get it if the lease has expired.
          yield* Effect.onError(leaseHolds(key), () => Effect.sync(() => Aead.wipe(secret)))
          isShown = true
          env.events.emit(Happening.KeyShown({ ...visit.ref, keyIndex }))
          return secret
        })

      const conversation = Effect.gen(function* () {
        env.standings.change(visit.tower.id, Standing.attempted)
        enter(visit, "dialling", address)
        const connecting = env.transport.connect({
          tower: visit.tower.publicKey,
          address,
          publicKey: key.publicKey,
          onProgress: (progress) =>
            Effect.sync(() => (progress === "connected" ? enter(visit, "handshaking", address) : undefined)),
          ecdh
        })
        connection = yield* connecting
        const reply = yield* converse(visit, key, address, connection)
        const acceptance = yield* env.rules.readReply(reply, env.settings.policy, key.reservation.keyIndex)
        if (!visit.claim.take(visit.tower.id, visit.began)) return yield* new Stopped({ by: "rival" })
        accepted = acceptance
      })

      const talk = yield* Effect.exit(stoppable(visit, () => waitsFor, conversation, address))
      const end: Exit.Exit<ClientSession, AttemptFailure | Stopped> =
        accepted === undefined
          ? Exit.flatMap(talk, () => Exit.die("a conversation ended without a reply"))
          : yield* Effect.exit(store(visit, key, address, accepted))

      if (Exit.isSuccess(end)) {
        enter(visit, "hangingUp", address)
        if (connection !== undefined) yield* Effect.exit(Effect.interruptible(hangUp(visit, connection)))
        return AttemptEnd.Stored({ session: end.value })
      }
      const failure = Cause.failureOption(end.cause)
      if (failure._tag === "None") return yield* Effect.die(Cause.squash(end.cause))
      // The connection is closed at once, so a key that was shown rests, unless the tower's end was seen.
      const sawEnd = tellsOfEnd(failure.value) || (connection !== undefined && (yield* connection.isClosed))
      const instant = (yield* Monotonic.now) + (sawEnd ? 0 : env.settings.hangUpWait)
      const state = isShown ? KeyState.RestsUntil({ instant }) : key.state
      return failure.value._tag === "Stopped"
        ? AttemptEnd.Stopped({ reason: failure.value, began, key: state })
        : AttemptEnd.Failed({ failure: failure.value, key: state })
    })
  )

/** Init, Init, CreateSession, CreateSessionReply: the client speaks first, always (docs/protocol.md, Init). */
const converse = (visit: Visit, key: DerivedKey, address: TowerAddress, connection: TowerTransport.Connection) =>
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
    yield* annotateWhereTraced("watchtower.code", reply.code)
    return reply
  }).pipe(
    spanWhereTraced("watchtower.createSession", {
      attributes: {
        "watchtower.negotiator": visit.env.name,
        "watchtower.tower": visit.tower.publicKey,
        "watchtower.address": address
      }
    })
  )

/** Some towers refuse by hanging up after their Init: the Init is all that is known of the reason. */
const hungUpAfter = ({ chainHash, features }: Init, { address }: ConnectionEnded) =>
  new ConnectionEnded({ address, theirInit: { chainHash, ...Excerpt.ofFeatures(features) } })

/** Stores the accepted session; the round knows of it in the same step. If that fails, the claim is free again. */
const store: (
  visit: Visit,
  key: DerivedKey,
  address: TowerAddress,
  acceptance: Acceptance
) => Effect.Effect<ClientSession, StoreError> = Effect.fnUntraced(
  function* (visit, { publicKey, reservation }, address, { ignoredBytes, rewardPkScript }) {
    const { db, events, settings, standings } = visit.env
    const { addresses, id, publicKey: towerPublicKey } = visit.tower
    if (ignoredBytes > 0) events.emit(Happening.RewardIgnored({ ...visit.ref, bytes: ignoredBytes }))
    enter(visit, "storing", address)
    const now = yield* Clock.currentTimeMillis
    // Unchecked: all its parts are values of their types.
    const session = new ClientSession(
      {
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
      },
      { disableValidation: true }
    )
    const given = (before: Standing.Standing) =>
      Standing.forgetOthers(Standing.sessionGiven(before, address, now), addresses)
    yield* db.createClientSession(session, reservation, standings.update(id, given(standings.get(id))))
    standings.change(id, given)
    events.emit(Happening.SessionStored({ session }))
    visit.claim.won(session)
    return session
  },
  (storing, { claim }) => Effect.onError(storing, () => Effect.sync(claim.release))
)

/** Waits, for a short while, until the tower has hung up. */
const hangUp = (visit: Visit, connection: TowerTransport.Connection) =>
  Effect.ignore(
    untilStopped(connection.closed, (stop: (reason: "late") => void) =>
      visit.env.alarm(visit.env.settings.hangUpWait, () => stop("late"))
    )
  )

/** Does the failure itself say that the tower's end was seen? */
const tellsOfEnd = (failure: AttemptFailure | Stopped) =>
  failure._tag === "ConnectionEnded" || (failure._tag === "HandshakeFailed" && failure.reason === "Ended")
