/** Signatures as scripts want them. @since 0.1.0 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { concat } from "../bytes.js"

/** `SIGHASH_ALL`: the signature covers all inputs and outputs. @since 0.1.0 @category models */
export const sighashAll = 1

/** An ECDSA signature of 64 bytes, r and s, as DER with the byte of `SIGHASH_ALL` behind it. One that is not valid is a bug, and throws. @since 0.1.0 @category combinators */
export const derWithSighash = (signature: Uint8Array): Uint8Array =>
  concat(secp256k1.Signature.fromBytes(signature).toBytes("der"), Uint8Array.of(sighashAll))
