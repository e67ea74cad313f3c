/**
 * Commitment transactions (BOLT-3), unsigned: for tests and demonstrations, which have no node to make them. An id covers no
 * signature, neither in Bitcoin's segwit nor on Decred.
 *
 * @since 0.1.0
 */
import { concat } from "../bytes.js"
import * as codec from "../fieldCodec.js"
import * as Bitcoin from "./bitcoin.js"
import * as Decred from "./decred.js"
import { type Output, version } from "./transaction.js"

/** What a commitment transaction says. The funding transaction's id is in internal order; its output 0 is spent. @since 0.1.0 @category models */
export interface Parts {
  readonly fundingTxid: Uint8Array
  readonly fundingValue: bigint
  /** The number of the state, obscured: 48 bits. */
  readonly obscuredHeight: number
  readonly outputs: ReadonlyArray<Output>
}

const none = new Uint8Array(0)

/** 24 bits of the number are in the lock time, which is an instant long past, and 24 in the sequence, which demands no wait. */
const hidden = (obscuredHeight: number) => ({
  lockTime: 0x2000_0000 + (obscuredHeight % 2 ** 24),
  sequence: 0x8000_0000 + Math.floor(obscuredHeight / 2 ** 24)
})

/** The bytes on Bitcoin. @since 0.1.0 @category constructors */
export const bitcoin = ({ fundingTxid, obscuredHeight, outputs }: Parts): Uint8Array => {
  const { lockTime, sequence } = hidden(obscuredHeight)
  const inputs = [{ outpoint: { txid: fundingTxid, index: 0 }, signatureScript: none, sequence }]
  return concat(codec.u32le.write(version), Bitcoin.body.write({ inputs, outputs }), codec.u32le.write(lockTime))
}

/** The bytes on Decred. @since 0.1.0 @category constructors */
export const decred = ({ fundingTxid, fundingValue, obscuredHeight, outputs }: Parts): Uint8Array => {
  const { lockTime, sequence } = hidden(obscuredHeight)
  return concat(
    Decred.versionOf(version, "full"),
    Decred.prefix.write({
      inputs: [{ txid: fundingTxid, index: 0, tree: 0, sequence }],
      outputs: outputs.map((output) => ({ ...output, scriptVersion: 0 })),
      lockTime,
      expiry: 0
    }),
    Decred.witness.write([{ value: fundingValue, blockHeight: 0, blockIndex: 0xffff_ffff, signatureScript: none }])
  )
}
