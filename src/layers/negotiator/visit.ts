/**
 * All attempts at one tower in one round, under one reservation (a new one after AlreadyExists): reserve the key index
 * durably, derive, then the addresses in turn; at the end the reservation is freed and the standing written, in one
 * transaction (docs/negotiation.md, A visit).
 *
 * A visit can be interrupted in its conversations only; however it ends, its reservation is freed.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { ReserveError } from "../../schema/DbError.js"
import {
  type AttemptFailure,
  type FailedAttempt,
  NoTowerAddrs,
  OnionWithoutProxy,
  Overtaken
} from "../../schema/NegotiationError.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import type { Reservation } from "../../schema/Reservation.js"
import type { Tower } from "../../schema/Tower.js"
import { kind, type TowerAddress } from "../../schema/TowerAddress.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import { attempt } from "./attempt.js"
import type { Environment } from "./environment.js"
import * as Monotonic from "./monotonic.js"
import type { FailedVisit } from "./Rules.js"
import type { Race } from "./race.js"
import * as Standings from "./standing.js"
import { Cut, cuttable, enter, type HeldKey, note, noteFailedAttempt, restand, type Visit } from "./visitState.js"

/** How a visit ended; `Cut` is neither a success nor a failure. @since 0.1.0 @category models */
export type VisitEnd =
  | { readonly _tag: "Stored"; readonly session: ClientSession }
  | ({ readonly _tag: "Failed"; readonly failures: ReadonlyArray<FailedAttempt> } & FailedVisit)
  | { readonly _tag: "Cut"; readonly failures: ReadonlyArray<FailedAttempt> }

/** Visits a tower. @since 0.1.0 @category constructors */
export const visit = (env: Environment, race: Race, tower: Tower): Effect.Effect<VisitEnd> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const self: Visit = {
        env,
        race,
        tower,
        ref: { towerId: tower.id, tower: tower.publicKey },
        began: race.begin(),
        addresses: env.rules.addresses(reachable(env, tower), env.book.get(tower.id)),
        failures: [],
        waitingFor: "database",
        overdueBy: undefined,
        step: "reserving",
        lease: undefined,
        keys: 0,
        shownUntil: undefined,
        keyIsUsed: false
      }
      const deadline = env.rules.limitsVisits ? now + env.settings.visitTimeout : undefined
      env.journal.tell(Happening.VisitStarted({ ...self.ref, deadline }))
      // Ends with the visit's fiber.
      if (env.rules.limitsVisits) yield* Effect.fork(Effect.interruptible(deadlineOf(self)))
      const end = yield* Effect.exit(askAll(self))
      return Exit.isSuccess(end) ? { _tag: "Stored", session: end.value } : yield* writeDown(self, end.cause)
    })
  )

const deadlineOf = (visit: Visit): Effect.Effect<void> =>
  Effect.map(Effect.sleep(visit.env.settings.visitTimeout), () => {
    visit.overdueBy = visit.waitingFor
    visit.env.pulse.signal()
  })

/** Those that the transport can reach: without a proxy, no onion address. */
const reachable = (env: Environment, tower: Tower): ReadonlyArray<TowerAddress> =>
  env.transport.way === "tor" ? tower.addresses : tower.addresses.filter((address) => kind(address) !== "onion")

/** The addresses in turn, until one gives a session or there is no use in going on. */
const askAll = (visit: Visit): Effect.Effect<ClientSession, AttemptFailure | Cut> =>
  Effect.gen(function* () {
    const { addresses, env } = visit
    if (env.rules.checksAddressesFirst) yield* requireAddress(visit)
    let key = yield* takeKey(visit)
    let last: AttemptFailure | Cut = new Cut({ by: "removal" })
    for (let at = 0; at < addresses.length; ) {
      const address = addresses[at]
      if (address === undefined) break
      yield* untilKeyRests(visit)
      const end = yield* Effect.either(attempt(visit, key, address))
      if (end._tag === "Right") return end.right
      const next = after(visit, end.left)
      // An address that failed counts, also when the next one is removed meanwhile.
      if (end.left._tag !== "Cut" || next === "tower" || last._tag === "Cut") last = end.left
      switch (next) {
        case "tower":
          return yield* Effect.fail(last)
        case "address":
          at += 1
          break
        case "key":
          key = yield* nextKey(visit, key, last)
      }
    }
    return yield* Effect.fail(last)
  })

/** Where to go on after an attempt. */
const after = (visit: Visit, failure: AttemptFailure | Cut): "address" | "key" | "tower" => {
  if (failure._tag !== "Cut") return visit.env.rules.judge(failure).next
  const addressOnly = failure.by === "removal" && !visit.env.candidates.isRemoved(visit.tower)
  return addressOnly ? "address" : "tower"
}

const requireAddress = (visit: Visit): Effect.Effect<void, NoTowerAddrs | OnionWithoutProxy> => {
  if (visit.addresses.length > 0) return Effect.void
  const failure = visit.tower.addresses.length === 0 ? new NoTowerAddrs() : new OnionWithoutProxy()
  note(visit, failure)
  return Effect.fail(failure)
}

/** Takes a key index, durably, and derives its key. After AlreadyExists the held index ends in the same transaction. */
const takeKey = (visit: Visit, used?: HeldKey): Effect.Effect<HeldKey, AttemptFailure | Cut> =>
  Effect.gen(function* () {
    const { env } = visit
    enter(visit, "reserving")
    visit.waitingFor = "database"
    const wall = yield* Clock.currentTimeMillis
    const monotonic = yield* Clock.currentTimeNanos
    const reservation = yield* reserve(visit, yield* Monotonic.now, used)
    visit.lease = { reservation, wall, monotonic }
    visit.keys += 1
    visit.shownUntil = undefined
    visit.keyIsUsed = false
    env.journal.tell(Happening.KeyReserved({ ...visit.ref, keyIndex: reservation.keyIndex }))
    enter(visit, "deriving")
    yield* requireAddress(visit)
    visit.waitingFor = "key ring"
    const locator = { family: familyTowerSession, index: reservation.keyIndex }
    const publicKey = yield* interruptibly(cuttable(visit, env.keyRing.deriveKey(locator)))
    return { reservation, wall, monotonic, publicKey }
  }).pipe(Effect.tapError((failure) => Effect.sync(() => noteOwn(visit, failure))))

/** Takes a key index. A reservation that an earlier visit could not free is taken again, or ended, with it. */
const reserve = (visit: Visit, now: number, used: HeldKey | undefined): Effect.Effect<Reservation, ReserveError> => {
  const { env, tower } = visit
  const mine = env.unreleased.of(tower.id, now)
  const left = mine.filter((one) => !one.isUsed && one.freeFrom <= now)
  const spent = mine.find((one) => one.isUsed)
  const take = (forceNext: Reservation | undefined) =>
    env.db.nextSessionKeyIndex(tower.id, env.settings.policy.blobType, env.transport.way, {
      forceNext,
      left: left.map((one) => one.reservation)
    })
  const taken =
    used === undefined && spent !== undefined
      ? // Lost: it was ended all the same, or taken over.
        Effect.catchTag(take(spent.reservation), "ReservationLost", () => take(undefined)).pipe(
          Effect.tap(() => Effect.sync(() => env.unreleased.delete(spent)))
        )
      : take(used?.reservation)
  return Effect.tap(taken, ({ keyIndex }) =>
    Effect.sync(() => {
      for (const one of left) if (one.reservation.keyIndex === keyIndex) env.unreleased.delete(one)
    })
  )
}

/** A failure of ours is the visit's as a whole. */
const noteOwn = (visit: Visit, failure: AttemptFailure | Cut) => {
  const isNoted = failure._tag === "Cut" || failure._tag === "NoTowerAddrs" || failure._tag === "OnionWithoutProxy"
  if (!isNoted) note(visit, failure)
}

/** AlreadyExists: the held key is never used again; the next one, unless the tower had enough of them. */
const nextKey = (visit: Visit, used: HeldKey, failure: AttemptFailure | Cut) => {
  visit.keyIsUsed = true
  if (failure._tag === "SessionKeyAlreadyUsed") {
    const { keyIndex, lastApplied } = failure
    visit.env.journal.tell(Happening.KeyUsed({ ...visit.ref, keyIndex, lastApplied }))
  }
  return visit.keys < visit.env.settings.maxKeyAttempts ? takeKey(visit, used) : Effect.fail(failure)
}

/** A key that was shown rests before it is shown again, unless the tower's end was seen (docs/negotiation.md, G3). */
const untilKeyRests = (visit: Visit): Effect.Effect<void, AttemptFailure | Cut> =>
  visit.shownUntil === undefined
    ? Effect.void
    : interruptibly(cuttable(visit, Monotonic.sleepUntil(visit.shownUntil))).pipe(
        Effect.tapError((failure) => Effect.sync(() => noteOwn(visit, failure)))
      )

/** Something that may be interrupted; the interruption becomes a `Cut`, so that the visit can come to its end. */
const interruptibly = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | Cut> =>
  Effect.catchAllCause(
    Effect.interruptible(effect),
    (cause): Effect.Effect<never, E | Cut> =>
      Cause.isInterruptedOnly(cause) ? Effect.fail(new Cut({ by: "interruption" })) : Effect.failCause(cause)
  )

/** The end of a visit without a session: the standing, and the reservation freed, in one transaction. */
const writeDown = (visit: Visit, cause: Cause.Cause<AttemptFailure | Cut>): Effect.Effect<VisitEnd> =>
  Effect.gen(function* () {
    const { env, failures, ref } = visit
    const end = Cause.failureOption(cause)
    // A defect: the reservation's lease runs out by itself.
    if (end._tag === "None") return yield* Effect.die(Cause.squash(cause))
    const now = yield* Clock.currentTimeMillis
    const failure = end.value._tag === "Cut" ? yield* overtaken(visit, end.value, now) : end.value
    if (failure === undefined) {
      yield* free(visit)
      env.journal.tell(Happening.VisitInterrupted(ref))
      return { _tag: "Cut", failures }
    }
    const own = env.rules.judge(failure).blames === "nobody"
    restand(visit, (standing) => Standings.visitFailed(standing, now))
    const isPermanent = failure._tag === "PermanentTowerFailure"
    if (isPermanent) yield* env.candidates.list
    // What was added meanwhile has not been refused.
    const isQuarantined = isPermanent && !env.candidates.isAdded(visit.tower)
    if (isQuarantined) restand(visit, (standing) => Standings.quarantined(standing, failure.reason, now))
    yield* free(visit)
    const restsUntil = Standings.restEnd(env.book.get(visit.tower.id), env.settings) ?? now
    env.journal.tell(Happening.VisitFailed({ ...ref, failure, blamed: !own, restsUntil }))
    // Unless it was added, and so released, while this was written.
    if (isQuarantined && !env.candidates.isAdded(visit.tower)) {
      const probeAt = now + env.settings.quarantineProbe
      env.journal.tell(Happening.Quarantined({ ...ref, reason: failure.reason, probeAt }))
    }
    return { _tag: "Failed", failures, own, step: visit.step }
  })

/** To be cut is not a failure, but for one case: a session came from a tower whose visit began after the attempt. */
const overtaken = (visit: Visit, { attempt, by }: Cut, now: number): Effect.Effect<AttemptFailure | undefined> => {
  const { env, race } = visit
  if (by === "removal" || attempt === undefined || !race.isOvertaken(attempt.began)) return Effect.succeed(undefined)
  // A rival's claim is not a session yet.
  const isDecided = () => race.session() !== undefined || race.claimant() === undefined
  return Effect.map(by === "rival" ? env.pulse.until(isDecided) : Effect.void, () => {
    if (race.session() === undefined) return undefined
    const failure = new Overtaken()
    noteFailedAttempt(visit, failure, attempt.address, now)
    return failure
  })
}

/** Frees the held reservation, or ends it if its key was used, and writes the standing; where that fails, memory keeps both. */
const free = (visit: Visit): Effect.Effect<void> =>
  Effect.flatMap(Monotonic.now, (now) => {
    const { env, lease, ref, shownUntil, tower } = visit
    restand(visit, (standing) => Standings.forgetOthers(standing, tower.addresses))
    const update = env.book.update(tower.id, env.book.get(tower.id))
    const restMs = Math.ceil(Math.max(0, (shownUntil ?? now) - now))
    const outcome: ClientDb.FreeOptions["outcome"] = visit.keyIsUsed ? { _tag: "end" } : { _tag: "free", restMs }
    const write =
      lease === undefined
        ? env.db.saveStanding(update)
        : env.db.freeSessionKeyIndex(lease.reservation, { outcome, update })
    return Effect.catchAll(write, (failure) =>
      Effect.sync(() => {
        if (lease !== undefined) {
          const { reservation } = lease
          env.unreleased.add({ reservation, freeFrom: now + restMs, isUsed: visit.keyIsUsed }, now)
        }
        env.journal.tell(Happening.WriteFailed({ ...ref, failure }))
      })
    )
  })
