/** Signatures as scripts want them. @since 0.1.0 */
import { concat } from "../bytes.js"

/** `SIGHASH_ALL`: the signature covers all inputs and outputs. @since 0.1.0 @category models */
export const sighashAll = 1

/** A DER integer: no zero bytes in front, but for one where the top bit would make it negative. */
const integer = (number: Uint8Array): Uint8Array => {
  const start = number.findIndex((byte) => byte !== 0)
  const digits = number.subarray(start === -1 ? number.length - 1 : start)
  const positive = (digits[0] ?? 0) > 0x7f ? concat(Uint8Array.of(0), digits) : digits
  return concat(Uint8Array.of(0x02, positive.length), positive)
}

/** An ECDSA signature of 64 bytes, r and s, as DER with the byte of `SIGHASH_ALL` behind it. @since 0.1.0 @category combinators */
export const derWithSighash = (signature: Uint8Array): Uint8Array => {
  const numbers = concat(integer(signature.subarray(0, 32)), integer(signature.subarray(32)))
  return concat(Uint8Array.of(0x30, numbers.length), numbers, Uint8Array.of(sighashAll))
}
