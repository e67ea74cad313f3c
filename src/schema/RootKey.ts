/**
 * The secret from which all keys of a client follow.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Redacted from "effect/Redacted"

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
