/**
 * What all implementations of `ClientDb` share: whose database it is, and the counter of key indexes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { DatabaseUnavailable, WrongDatabase } from "../../schema/DbError.js"
import { KeyIndex } from "../../schema/Ids.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { Entropy } from "../../services/Entropy.js"

const range = 2 ** 30 - 1

/**
 * A random index from 1 to 2^30 - 1, so that a client that has lost its database does not use its old keys again
 * (docs/negotiation.md, Reservations). 48 random bits for a range of 30 leave a bias below 1 in 200,000.
 *
 * @since 0.1.0
 * @category constructors
 */
export const randomFirstKeyIndex: Effect.Effect<KeyIndex> = Effect.gen(function* () {
  const entropy = yield* Entropy
  const bytes = yield* entropy.bytes(6)
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  return KeyIndex.make(1 + (value % range))
})

/**
 * Fails when the database belongs to another identity than the one that is wanted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const compareIdentities = (
  wanted: ClientDb.Identity,
  found: ClientDb.Identity
): Effect.Effect<void, WrongDatabase> => {
  const wrong = (what: WrongDatabase["what"], key: "chainHash" | "layout" | "publicKey") =>
    Effect.fail(new WrongDatabase({ what, expected: wanted[key], found: found[key] }))
  if (found.chainHash !== wanted.chainHash) return wrong("chain", "chainHash")
  if (found.layout !== wanted.layout) return wrong("key layout", "layout")
  if (found.publicKey !== wanted.publicKey) return wrong("seed", "publicKey")
  return Effect.void
}

/** A key index cannot be given before `bindIdentity` has started the counter. @since 0.1.0 @category errors */
export const notBound = (operation: string): DatabaseUnavailable =>
  new DatabaseUnavailable({
    operation,
    detail: "it does not know yet whose database it is, since no key was used with it (in a program: bindIdentity)"
  })

/**
 * A counter of key indexes never goes back: a negative count is a defect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const checkSkip = (count: number): Effect.Effect<void> =>
  Number.isSafeInteger(count) && count >= 0
    ? Effect.void
    : Effect.dieMessage(`skipSessionKeys takes a count of 0 or more, not ${count}`)
