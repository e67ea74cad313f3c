/**
 * Where the key indexes of a new database begin.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { KeyIndex } from "../schema/Ids.js"
import { Entropy } from "../services/Entropy.js"

const range = 2 ** 30 - 1

/**
 * A random index from 1 to 2^30 - 1: a client whose database was lost does not meet its used keys again (design 4). 48
 * random bits for a range of 30 leave a bias below 1 in 200,000.
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
