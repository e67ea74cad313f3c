/**
 * Tokens that say which run wrote a row.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { toHex } from "../../internal/bytes.js"
import { Entropy } from "../../services/Entropy.js"

/** A token that cannot be guessed and is never given out again. @since 0.1.0 @category constructors */
export const newToken: Effect.Effect<string> = Effect.gen(function* () {
  const entropy = yield* Entropy
  return toHex(yield* entropy.bytes(16))
})
