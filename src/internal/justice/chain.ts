/**
 * What Bitcoin and Decred do differently about justice transactions. All else is the same for both.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import type { BadField } from "../fieldCodec.js"
import type { Form, FormName } from "./form.js"
import type { Commitment, Input, Justice, SignedInput, Spend } from "./transaction.js"

/**
 * Why bytes are not a transaction of a channel: a field is cut short or malformed, or bytes follow the last one; on Decred it has other
 * parts than inputs, outputs and witnesses, not a witness for each input, or scripts of another version than 0.
 *
 * @since 0.1.0
 * @category errors
 */
export type BadTransaction = BadField | "TrailingBytes" | "UnknownSerialization" | "WitnessCount" | "ScriptVersion"

/** One chain. @since 0.1.0 @category models */
export interface JusticeChain {
  /** What hints, keys of blobs and, doubled on Bitcoin, transaction ids are made with: 32 bytes. */
  readonly hash: (bytes: Uint8Array) => Uint8Array
  /** The forms that the chain's channels have. */
  readonly forms: Partial<Readonly<Record<FormName, Form>>>
  /** Reads a transaction, signed or not, in the chain's own serialization. */
  readonly readTransaction: (raw: Uint8Array) => Either.Either<Commitment, BadTransaction>
  /** The daemons' estimate of a justice transaction's size, in the unit of the chain's fee rate: weight units or bytes. */
  readonly estimate: (spends: ReadonlyArray<Spend>, outputScripts: ReadonlyArray<Uint8Array>) => number
  /** Can towers sweep to this script? */
  readonly sweepsTo: (script: Uint8Array) => boolean
  /** Can towers be paid by this script? */
  readonly rewardsTo: (script: Uint8Array) => boolean
  /** The least amount that the daemons do not call dust, for an output of this script. */
  readonly dustLimit: (script: Uint8Array) => bigint
  /** The digest that an input of the transaction signs: 32 bytes. What all its inputs sign is hashed once. */
  readonly digestOf: (justice: Justice) => (input: Input) => Uint8Array
  /** The bytes of the transaction without signatures. */
  readonly unsigned: (justice: Justice) => Uint8Array
  /** The bytes of the transaction with what each input pushes. */
  readonly signed: (justice: Justice<SignedInput>) => Uint8Array
}
