/** What the cases of every `ClientDb` share. */
import { Context, Effect, TestClock } from "effect"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { address, identity, policy, publicKey, start } from "./samples.js"

/** Lets that time pass on the clock by which leases are judged. A negative time sets the clock back. */
export class Elapse extends Context.Tag("test/Elapse")<Elapse, (ms: number) => Effect.Effect<void>>() {}

/** Leases are judged by the test's clock. */
export const byTestClock: Context.Tag.Service<Elapse> = (ms) =>
  Effect.flatMap(TestClock.currentTimeMillis, (now) => TestClock.setTime(now + ms))

/** Declares a case; its database is new. */
export type Test = <A, E>(title: string, body: Effect.Effect<A, E, ClientDb | Elapse>) => void

export const type = policy.blobType
export const free = { _tag: "free", restMs: 0 } as const
export const end = { _tag: "end" } as const

/** A database with an identity and one tower. */
export const bound = Effect.gen(function* () {
  yield* TestClock.setTime(start)
  const db = yield* ClientDb
  yield* db.bindIdentity(identity)
  const tower = yield* db.createTower(publicKey(1), address(1))
  const elapse = yield* Elapse
  return { db, tower, elapse, take: db.nextSessionKeyIndex(tower.id, type, "clear") }
})
