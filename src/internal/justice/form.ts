/**
 * The forms that commitment transactions have. A form is all that client and tower must agree upon: the outputs that follow from the
 * keys, and the kit that carries the keys from one to the other.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { BadField, Codec } from "../fieldCodec.js"
import type { Kit } from "./kit.js"
import type { Spend } from "./transaction.js"

/** The forms by name; a session's blob type names one of them. @since 0.1.0 @category models */
export type FormName = "legacy" | "anchor" | "taproot" | "taprootFinal"

/** The keys of one commitment transaction: 33 bytes each; the delay in blocks. @since 0.1.0 @category models */
export interface Keys {
  readonly revocation: Uint8Array
  readonly delay: Uint8Array
  readonly toRemote: Uint8Array
  readonly csvDelay: number
}

/** 64 bytes each; `toRemote` is undefined where the transaction has no such output. @since 0.1.0 @category models */
export interface Signatures {
  readonly toLocal: Uint8Array
  readonly toRemote: Uint8Array | undefined
}

/** How both outputs are spent. @since 0.1.0 @category models */
export interface Spends {
  readonly toLocal: Spend
  readonly toRemote: Spend
}

/** What a tower reads out of a kit: where to sweep to, and the outputs that it is to spend, to_local first. @since 0.1.0 @category models */
export interface Opened {
  readonly sweepScript: Uint8Array
  readonly parts: ReadonlyArray<{ readonly spend: Spend; readonly signature: Uint8Array }>
}

/** One form. @since 0.1.0 @category models */
export interface Form {
  /** The outputs of these keys. */
  readonly spends: (keys: Keys) => Spends
  /** The kit of these keys: 274 or 300 bytes. The sweep script has at most 42. */
  readonly writeKit: (keys: Keys, sweepScript: Uint8Array, signatures: Signatures) => Uint8Array
  /** What stands in the bytes of a kit; what comes after its last field is ignored, as by the daemons. */
  readonly readKit: (plaintext: Uint8Array) => Either.Either<Opened, BadField>
}

/** No such output: zeros, whose first byte is that of no key. */
const blank = { key: new Uint8Array(33), signature: new Uint8Array(64) }

const isKey = ([first]: Uint8Array): boolean => first === 2 || first === 3

/**
 * A form of the layout of its kit, what that says of to_local, and how both outputs are spent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <ToLocal extends object>(
  layout: Codec<Kit<ToLocal>>,
  toLocalOf: (keys: Keys) => ToLocal,
  toLocal: (of: ToLocal) => Spend,
  toRemote: (key: Uint8Array) => Spend
): Form => ({
  spends: (keys) => ({ toLocal: toLocal(toLocalOf(keys)), toRemote: toRemote(keys.toRemote) }),
  writeKit: (keys, sweepScript, signatures) =>
    layout.write({
      ...toLocalOf(keys),
      sweepScript,
      toLocalSignature: signatures.toLocal,
      toRemote: signatures.toRemote === undefined ? blank.key : keys.toRemote,
      toRemoteSignature: signatures.toRemote ?? blank.signature
    }),
  readKit: (plaintext) =>
    Either.map(layout.read(plaintext, 0), ([kit]) => ({
      sweepScript: kit.sweepScript,
      parts: [
        { spend: toLocal(kit), signature: kit.toLocalSignature },
        ...(isKey(kit.toRemote) ? [{ spend: toRemote(kit.toRemote), signature: kit.toRemoteSignature }] : [])
      ]
    }))
})
