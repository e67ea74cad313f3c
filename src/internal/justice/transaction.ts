/**
 * What both chains say of transactions: the outputs of a commitment transaction, and the justice transaction that spends them.
 *
 * @since 0.1.0
 */
import { compare, equals } from "../bytes.js"

/** An output: an amount in satoshi or atoms, and whom it pays. @since 0.1.0 @category models */
export interface Output {
  readonly value: bigint
  readonly script: Uint8Array
}

/** What a justice transaction needs of the commitment transaction. The id is in internal order, the reverse of what explorers show. @since 0.1.0 @category models */
export interface Commitment {
  readonly txid: Uint8Array
  readonly outputs: ReadonlyArray<Output>
}

/** `toLocal` is the output of the party that broadcast its commitment, `toRemote` that of the other one. @since 0.1.0 @category models */
export type Role = "toLocal" | "toRemote"

/**
 * How a commitment output is spent. `script` is what the digest covers: the witness script, the redeem script or the leaf, and
 * for outputs that pay to a key's hash the output's own script. `key` checks the signature: 33 bytes, for Schnorr 32. `estimate` is
 * the daemons' estimate of the size of the witness (weight units) or the signature script (bytes), which sets the fee.
 *
 * @since 0.1.0
 * @category models
 */
export interface Spend {
  readonly role: Role
  readonly pkScript: Uint8Array
  readonly script: Uint8Array
  readonly key: Uint8Array
  readonly scheme: "ecdsa" | "schnorr"
  readonly sequence: 0 | 1
  readonly estimate: number
  /** The witness with this signature; on Decred what the signature script pushes. */
  readonly stack: (signature: Uint8Array) => ReadonlyArray<Uint8Array>
}

/** What follows from the script of an output that pays to a script. @since 0.1.0 @category models */
export type ScriptSpend = Pick<Spend, "role" | "script" | "key" | "sequence" | "estimate">

/** An output of a commitment transaction that is spent. @since 0.1.0 @category models */
export interface Input {
  readonly txid: Uint8Array
  readonly index: number
  readonly value: bigint
  readonly spend: Spend
}

/** An input with its signature, 64 bytes. @since 0.1.0 @category models */
export interface SignedInput extends Input {
  readonly signature: Uint8Array
}

/** A justice transaction: version 2, lock time 0. @since 0.1.0 @category models */
export interface Justice<In extends Input = Input> {
  readonly inputs: ReadonlyArray<In>
  readonly outputs: ReadonlyArray<Output>
}

/** The version of every justice transaction. @since 0.1.0 @category models */
export const version = 2

/** All coins that there will ever be, in satoshi or atoms: 21 million on either chain. No channel holds more. @since 0.1.0 @category models */
export const allCoins = 2_100_000_000_000_000n

/**
 * In the order of BIP-69: inputs by transaction and output, outputs by value and script. The tower sorts too, and a signature covers
 * the order.
 *
 * @since 0.1.0
 * @category constructors
 */
export const sorted = <In extends Input>(inputs: ReadonlyArray<In>, outputs: ReadonlyArray<Output>): Justice<In> => ({
  // All inputs are outputs of one transaction.
  inputs: inputs.toSorted((a, b) => a.index - b.index),
  outputs: outputs.toSorted((a, b) => (a.value === b.value ? compare(a.script, b.script) : a.value < b.value ? -1 : 1))
})

/** The first output that pays to this script, as the towers look for it. @since 0.1.0 @category combinators */
export const find = ({ outputs, txid }: Commitment, spend: Spend): Input | undefined => {
  const index = outputs.findIndex(({ script }) => equals(script, spend.pkScript))
  const output = outputs[index]
  return output && { txid, index, value: output.value, spend }
}
