/**
 * The secret from which all keys of a client follow.
 *
 * @since 0.1.0
 * @module
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as ExtendedKeyText from "../internal/extendedKeyText.js"
import * as KeyText from "../internal/keyText.js"
import { nobleCurve } from "../internal/nobleCurve.js"

export type { Unreadable } from "../internal/keyText.js"

/**
 * A seed of 16 to 64 bytes (BIP-32), or an extended private key as text: of the master (depth 0), or further down on the
 * shared part of the layout's path, as a wallet exports an account.
 *
 * @since 0.1.0
 * @category models
 */
export type RootKey = Data.TaggedEnum<{
  Seed: { readonly bytes: Redacted.Redacted<Uint8Array> }
  ExtendedKey: { readonly text: Redacted.Redacted<string> }
}>

/** @since 0.1.0 @category constructors */
export const RootKey = Data.taggedEnum<RootKey>()

/**
 * Reads a seed in hex or an extended private key. They are distinguished by their form: hex has no letter beyond f.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (text: string): Either.Either<RootKey, KeyText.Unreadable> =>
  /^[a-z]prv/.test(text)
    ? ExtendedKeyText.parse(nobleCurve, text).pipe(
        Either.map(() => RootKey.ExtendedKey({ text: Redacted.make(text) })),
        Either.mapLeft(() => KeyText.malformed("the extended private key is mistyped or of an unknown kind"))
      )
    : Either.map(KeyText.parseSeed(text), (bytes) => RootKey.Seed({ bytes: Redacted.make(bytes) }))
