/**
 * Secret randomness: ephemeral keys, seeds, lease tokens. A reference with a safe default, so that tests can fix it.
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** A larger request is read by itself. */
const mostAhead = 64

/**
 * The operating system's cryptographic random bytes. Small requests are read ahead, several at once: for one session they took a fortieth of
 * its processor time. What is handed out is overwritten here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Entropy.Service => {
  const ahead = new Uint8Array(16 * mostAhead)
  let taken = ahead.length
  const take = (count: number): Uint8Array => {
    // A count that makes no sense must not touch what is read ahead: that is everybody's.
    const isSmall = Number.isInteger(count) && count >= 0 && count <= mostAhead
    if (!isSmall) return globalThis.crypto.getRandomValues(new Uint8Array(count))
    if (taken + count > ahead.length) {
      globalThis.crypto.getRandomValues(ahead)
      taken = 0
    }
    const bytes = ahead.slice(taken, taken + count)
    ahead.fill(0, taken, taken + count)
    taken += count
    return bytes
  }
  return { bytes: (count) => Effect.sync(() => take(count)) }
}

/**
 * What `make` answers, unless another source is provided.
 *
 * @since 0.1.0
 * @category services
 */
export class Entropy extends Context.Reference<Entropy>()("effect-watchtower/Entropy", {
  defaultValue: make
}) {}

/** @since 0.1.0 */
export declare namespace Entropy {
  /** A source of secret randomness. */
  interface Service {
    /** This number of bytes that cannot be guessed. */
    readonly bytes: (count: number) => Effect.Effect<Uint8Array>
  }
}
