/**
 * What a key ring can answer instead.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { encodedError } from "../internal/json.js"
import { ended } from "../internal/sentence.js"

/**
 * The key ring could not derive a key or compute an ECDH: a remote signer is away, or the child is not valid (BIP-32).
 * `cause` never holds a secret.
 *
 * @since 0.1.0
 * @category errors
 */
export class KeyRingError extends Schema.TaggedError<KeyRingError>()("KeyRingError", {
  operation: Schema.Literal("deriveKey", "ecdh"),
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    const what = {
      deriveKey: "A session key cannot be derived",
      ecdh: "A secret cannot be computed with the session key"
    }
    return ended(`${what[this.operation]}: ${this.detail}`)
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(KeyRingError, this)
  }
}
