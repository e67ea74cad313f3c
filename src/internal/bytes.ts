/** Bytes as values: hex both ways, joining, comparing. Nothing here is constant-time; secrets are compared by the AEAD. @since 0.1.0 */
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js"

/** Lowercase hex. @since 0.1.0 @category combinators */
export const toHex: (bytes: Uint8Array) => string = bytesToHex

/** The bytes of a hex string that was validated before; anything else is a bug and throws. @since 0.1.0 @category combinators */
export const fromHex: (hex: string) => Uint8Array = hexToBytes

/** One array of all the parts, in order. @since 0.1.0 @category combinators */
export const concat: (...parts: Array<Uint8Array>) => Uint8Array = concatBytes

/** Negative, zero or positive, as in a dictionary; a prefix comes first. @since 0.1.0 @category combinators */
export const compare = (self: Uint8Array, that: Uint8Array): number => {
  const common = Math.min(self.length, that.length)
  for (let i = 0; i < common; i++) {
    const difference = (self[i] ?? 0) - (that[i] ?? 0)
    if (difference !== 0) return difference
  }
  return self.length - that.length
}

/** The same bytes? @since 0.1.0 @category combinators */
export const equals = (self: Uint8Array, that: Uint8Array): boolean => compare(self, that) === 0

/** Overwrites secret bytes that are not needed any more. @since 0.1.0 @category combinators */
export const wipe = (...parts: ReadonlyArray<Uint8Array>): void => {
  for (const part of parts) part.fill(0)
}
