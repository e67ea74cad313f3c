/**
 * The port to the client's keys: public keys and ECDH by locator. It may be remote and may fail; the private key never
 * leaves it (docs/protocol.md, ECDH).
 *
 * ```ts
 * import { Effect, Layer, Redacted } from "effect"
 * import { type Ids, KeyRing, KeyRingError } from "effect-watchtower"
 *
 * // A signer in another process.
 * interface Signer {
 *   readonly publicKey: (family: number, index: number) => Promise<Ids.PublicKey>
 *   readonly ecdh: (family: number, index: number, point: string) => Promise<Uint8Array>
 * }
 *
 * export const layer = (signer: Signer) => {
 *   const ask = <A>(operation: "deriveKey" | "ecdh", call: () => Promise<A>) =>
 *     Effect.tryPromise({
 *       try: call,
 *       catch: () => new KeyRingError.KeyRingError({ operation, detail: "the signer does not answer" })
 *     })
 *   return Layer.succeed(KeyRing.KeyRing, {
 *     layout: "lnd",
 *     deriveKey: ({ family, index }) => ask("deriveKey", () => signer.publicKey(family, index)),
 *     ecdh: ({ family, index }, point) =>
 *       Effect.map(
 *         ask("ecdh", () => signer.ecdh(family, index, point)),
 *         (secret) => Redacted.make(secret)
 *       )
 *   })
 * }
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { PublicKey } from "../schema/Ids.js"
import type { KeyRingError } from "../schema/KeyRingError.js"

/**
 * The key ring of a node (lnd v0.21.2 `keychain.ECDHKeyRing`).
 *
 * @since 0.1.0
 * @category services
 */
export class KeyRing extends Context.Tag("effect-watchtower/KeyRing")<KeyRing, KeyRing.Service>() {}

/** @since 0.1.0 */
export declare namespace KeyRing {
  /** Where a key stands: its family and its index within it. */
  interface Locator {
    readonly family: number
    readonly index: number
  }

  /** What a key ring can do. */
  interface Service {
    /** The name of the key layout, for `bindIdentity`: `lnd`, `dcrlnd`, `dcrlndRemote`, or one of your own. */
    readonly layout: string
    /** The public key at a locator. */
    readonly deriveKey: (locator: Locator) => Effect.Effect<PublicKey, KeyRingError>
    /**
     * SHA-256 of the compressed product of the key at a locator and a point: 32 secret bytes in an array of their own, which
     * the transport overwrites when it has used them.
     */
    readonly ecdh: (locator: Locator, point: PublicKey) => Effect.Effect<Redacted.Redacted<Uint8Array>, KeyRingError>
  }
}

/** The family of session keys (lnd v0.21.2 `keychain.KeyFamilyTowerSession`). @since 0.1.0 @category models */
export const familyTowerSession = 8

/** The family of a tower's own key (lnd v0.21.2 `keychain.KeyFamilyTowerID`). @since 0.1.0 @category models */
export const familyTowerId = 9
