/**
 * All attempts at one tower in one round, under one reservation (a new one after AlreadyExists): reserve the key index
 * durably, derive, then the addresses in turn; at the end the reservation is freed and the standing written, in one
 * transaction (docs/negotiation.md, A visit).
 *
 * A visit is uninterruptible but for its waits; however it ends, its reservation is freed.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { Instant } from "../../schema/Ids.js"
import {
  type AttemptFailure,
  FailedAttempt,
  NoTowerAddrs,
  OnionWithoutProxy,
  Overtaken
} from "../../schema/NegotiationError.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import type { Tower } from "../../schema/Tower.js"
import { kind, type TowerAddress } from "../../schema/TowerAddress.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import { type AttemptEnd, attempt } from "./attempt.js"
import type { Claim } from "./claim.js"
import type { Environment } from "./environment.js"
import * as Key from "./key.js"
import * as Monotonic from "./monotonic.js"
import type { FailedVisit } from "./Rules.js"
import * as Standing from "./standingTransitions.js"
import { deadlineAfter, enter, overdue, Stopped, stoppable, type Visit } from "./visitContext.js"

/** How a visit ended; `Stopped` is neither a success nor a failure. @since 0.1.0 @category models */
export type VisitEnd = Data.TaggedEnum<{
  Stored: { readonly session: ClientSession }
  Failed: FailedVisit & { readonly failures: ReadonlyArray<FailedAttempt> }
  Stopped: { readonly failures: ReadonlyArray<FailedAttempt> }
}>

const VisitEnd = Data.taggedEnum<VisitEnd>()

/** Visits a tower. To be run in a fiber that is uninterruptible. @since 0.1.0 @category constructors */
export const visit: (env: Environment, claim: Claim, tower: Tower) => Effect.Effect<VisitEnd> = Effect.fnUntraced(
  function* (env, claim, tower) {
    const { visitTimeout } = env.settings
    const now = yield* Clock.currentTimeMillis
    const { callOff, deadline } = deadlineAfter(env.alarm, visitTimeout)
    const self: Visit = {
      env,
      claim,
      tower,
      ref: { towerId: tower.id, tower: tower.publicKey },
      began: claim.begin(),
      addresses: env.rules.addresses(reachable(env, tower), env.standings.get(tower.id)),
      deadline
    }
    env.events.emit(
      Happening.VisitStarted({
        ...self.ref,
        deadline: Number.isFinite(visitTimeout) ? now + visitTimeout : undefined
      })
    )
    const whole = Effect.flatMap(askInTurn(self), (end) =>
      end._tag === "Stored" ? Effect.succeed(VisitEnd.Stored(end)) : writeDown(self, end)
    )
    return yield* Effect.ensuring(whole, Effect.sync(callOff))
  }
)

/** The addresses that the transport can reach: without a proxy, no onion address. */
const reachable = (env: Environment, tower: Tower): ReadonlyArray<TowerAddress> =>
  env.transport.route === "tor" ? tower.addresses : tower.addresses.filter((address) => kind(address) !== "onion")

/** A visit that got no session, before that is written down. */
interface Unserved {
  readonly _tag: "Unserved"
  readonly reason: AttemptFailure | Stopped
  readonly failures: ReadonlyArray<FailedAttempt>
  /** The reservation that is still held, if there is one. */
  readonly held: Key.HeldKey | undefined
}

/** The addresses in turn, until one gives a session or there is no use in going on. */
const askInTurn: (visit: Visit) => Effect.Effect<Unserved | Extract<AttemptEnd, { readonly _tag: "Stored" }>> =
  Effect.fnUntraced(function* (visit) {
    const { addresses, env } = visit
    const failures: Array<FailedAttempt> = []
    const unserved = (reason: AttemptFailure | Stopped, held: Key.HeldKey | undefined): Unserved => {
      return { _tag: "Unserved", reason, failures, held }
    }
    /** A failure of the visit as a whole. */
    const failed = (reason: AttemptFailure | Stopped, held: Key.HeldKey | undefined): Unserved => {
      if (reason._tag !== "Stopped") failures.push(note(visit, reason))
      return unserved(reason, held)
    }

    const noAddress = withoutAddress(visit)
    if (env.rules.checksAddressesFirst && noAddress !== undefined) return failed(noAddress, undefined)

    let key = yield* Effect.either(takeKey(visit, undefined))
    let keys = 1
    let last: AttemptFailure | undefined
    for (let at = 0; ; ) {
      if (Either.isLeft(key)) return failed(key.left.reason, key.left.held)
      const held = key.right
      const address = addresses[at]
      // Without a failure, all its addresses were removed meanwhile.
      if (address === undefined) return unserved(last ?? new Stopped({ by: "removal" }), held)
      const rest = yield* Effect.either(untilKeyRests(visit, held.state))
      if (Either.isLeft(rest)) return failed(rest.left, held)

      const end = yield* attempt(visit, held, address)
      if (end._tag === "Stored") return end
      const after: Key.DerivedKey = { ...held, state: end.key }
      key = Either.right(after)
      if (end._tag === "Stopped") {
        if (yield* isOvertaken(visit, end)) {
          const overtaken = new Overtaken()
          failures.push(noteAttempt(visit, overtaken, address, yield* Clock.currentTimeMillis))
          return unserved(overtaken, after)
        }
        if (end.reason.by !== "removal" || env.candidates.isRemoved(visit.tower)) return unserved(end.reason, after)
        // The address was removed and the tower was not. `last` stays: an address that failed before counts all the same.
        at += 1
        continue
      }
      const { failure } = end
      last = failure
      failures.push(noteAttempt(visit, failure, address, yield* Clock.currentTimeMillis))
      switch (env.rules.judge(failure).next) {
        case "tower":
          return unserved(failure, after)
        case "address":
          at += 1
          break
        case "key": {
          const used: Key.HeldKey = { ...after, state: Key.KeyState.Used() }
          if (failure._tag === "SessionKeyAlreadyUsed") {
            const { keyIndex, lastApplied } = failure
            env.events.emit(Happening.KeyUsed({ ...visit.ref, keyIndex, lastApplied }))
          }
          if (keys >= env.settings.maxKeyAttempts) return unserved(failure, used)
          key = yield* Effect.either(takeKey(visit, used))
          keys += 1
        }
      }
    }
  })

/** Has the tower no address, or none that can be reached? */
const withoutAddress = ({ addresses, tower }: Visit): NoTowerAddrs | OnionWithoutProxy | undefined => {
  if (addresses.length > 0) return undefined
  return tower.addresses.length === 0 ? new NoTowerAddrs() : new OnionWithoutProxy()
}

/** Why there is no key to show, and the reservation that is held all the same, if there is one. */
interface NoKey {
  readonly reason: AttemptFailure | Stopped
  readonly held: Key.HeldKey | undefined
}

/** Takes a key index and derives its key. A used key gives way to the next one; if there is none, it is held as before. */
const takeKey: (visit: Visit, used: Key.HeldKey | undefined) => Effect.Effect<Key.DerivedKey, NoKey> =
  Effect.fnUntraced(function* (visit, used) {
    const { env, tower } = visit
    enter(visit, "reserving")
    const held = yield* Effect.mapError(
      Key.reserve(env, tower, used?.reservation),
      (reason): NoKey => ({ reason, held: used })
    )
    const { keyIndex } = held.reservation
    env.events.emit(Happening.KeyReserved({ ...visit.ref, keyIndex }))
    enter(visit, "deriving")
    const noKey = (reason: NoKey["reason"]): NoKey => ({ reason, held })
    const failure = withoutAddress(visit) ?? overdue(visit, "database")
    if (failure !== undefined) return yield* Effect.fail(noKey(failure))
    const derive = env.keyRing.deriveKey({ family: familyTowerSession, index: keyIndex })
    const publicKey = yield* Effect.mapError(
      stoppable(visit, () => "key ring", derive),
      noKey
    )
    return { ...held, publicKey }
  })

/** A key that was shown rests before it is shown again (docs/negotiation.md, G3). */
const untilKeyRests = (visit: Visit, state: Key.KeyState) =>
  state._tag === "RestsUntil" ? stoppable(visit, () => "tower", Monotonic.sleepUntil(state.instant)) : Effect.void

/** Emits a failure of an address, or of the visit as a whole. */
const note = ({ env, ref }: Visit, failure: AttemptFailure, address?: TowerAddress): FailedAttempt => {
  env.events.emit(Happening.AttemptFailed({ ...ref, address, failure }))
  // Unchecked: all its parts are values of their types, and a failure is the most expensive of all to check again.
  return new FailedAttempt({ ...ref, address, failure }, { disableValidation: true })
}

/** An attempt failed: the standing says so, and blames the address where the rules say so. */
const noteAttempt = (visit: Visit, failure: AttemptFailure, address: TowerAddress, now: Instant): FailedAttempt => {
  const { blames } = visit.env.rules.judge(failure)
  const noted = note(visit, failure, address)
  visit.env.standings.change(visit.tower.id, (standing) =>
    Standing.attemptFailed(standing, failure, blames === "address" ? address : undefined, now)
  )
  return noted
}

/** To be stopped is not a failure, but for one case: a session came from a tower whose visit began after the attempt. */
const isOvertaken = (
  { claim }: Visit,
  { began, reason }: Extract<AttemptEnd, { readonly _tag: "Stopped" }>
): Effect.Effect<boolean> => {
  if (reason.by === "removal" || !claim.isOvertaken(began)) return Effect.succeed(false)
  // A rival that holds the claim may still fail to store.
  return Effect.map(reason.by === "rival" ? claim.settled : Effect.void, () => claim.session() !== undefined)
}

/** The end of a visit without a session: the standing, and the reservation freed, in one transaction. */
const writeDown: (visit: Visit, unserved: Unserved) => Effect.Effect<VisitEnd> = Effect.fnUntraced(function* (
  visit,
  { failures, held, reason }
) {
  const { env, ref, tower } = visit
  const { standings } = env
  if (reason._tag === "Stopped") {
    yield* release(visit, held)
    env.events.emit(Happening.VisitInterrupted(ref))
    return VisitEnd.Stopped({ failures })
  }
  const now = yield* Clock.currentTimeMillis
  standings.change(tower.id, (standing) => Standing.visitFailed(standing, now))
  const isPermanent = reason._tag === "PermanentTowerFailure"
  if (isPermanent) yield* env.candidates.list
  // If it was added during the visit, that addition has not been refused.
  const isQuarantined = isPermanent && !env.candidates.isAdded(tower)
  if (isQuarantined) standings.change(tower.id, (standing) => Standing.quarantined(standing, reason.reason, now))
  yield* release(visit, held)
  const own = env.rules.judge(reason).blames === "none"
  const restsUntil = Standing.restEnd(standings.get(tower.id), env.settings) ?? now
  env.events.emit(Happening.VisitFailed({ ...ref, failure: reason, blamed: !own, restsUntil }))
  // Unless it was added, and so released, while this was written.
  if (isQuarantined && !env.candidates.isAdded(tower)) {
    const probeAt = now + env.settings.quarantineProbe
    env.events.emit(Happening.Quarantined({ ...ref, reason: reason.reason, probeAt }))
  }
  return VisitEnd.Failed({ failures, own, hadKey: held !== undefined })
})

/** Writes the standing, and frees the reservation if one is held. A write that fails is an event; the value in memory stays. */
const release = (visit: Visit, held: Key.HeldKey | undefined): Effect.Effect<void> => {
  const { env, ref, tower } = visit
  env.standings.change(tower.id, (standing) => Standing.forgetOthers(standing, tower.addresses))
  const update = env.standings.update(tower.id, env.standings.get(tower.id))
  return Effect.catchAll(held === undefined ? env.db.saveStanding(update) : Key.release(env, held, update), (failure) =>
    Effect.sync(() => env.events.emit(Happening.WriteFailed({ ...ref, failure })))
  )
}
