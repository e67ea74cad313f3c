/**
 * Secret randomness: ephemeral keys, seeds, lease tokens. A reference with a safe default, so that tests can fix it.
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * The operating system's cryptographic random bytes, unless another source is provided.
 *
 * @since 0.1.0
 * @category services
 */
export class Entropy extends Context.Reference<Entropy>()("effect-watchtower/Entropy", {
  defaultValue: (): Entropy.Service => ({
    bytes: (count) => Effect.sync(() => globalThis.crypto.getRandomValues(new Uint8Array(count)))
  })
}) {}

/** @since 0.1.0 */
export declare namespace Entropy {
  /** A source of secret randomness. */
  interface Service {
    /** This number of bytes that cannot be guessed. */
    readonly bytes: (count: number) => Effect.Effect<Uint8Array>
  }
}
