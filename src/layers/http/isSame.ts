/**
 * Comparing secrets.
 *
 * @since 0.1.0
 */
import { sha256 } from "@noble/hashes/sha2.js"

const digestOf = (secret: string): Uint8Array => sha256(new TextEncoder().encode(secret))

/** Their digests are compared, byte by byte to the end: the time of an answer says nothing about a secret. @since 0.1.0 @category combinators */
export const isSame = (one: string, other: string): boolean => {
  const [a, b] = [digestOf(one), digestOf(other)]
  return a.reduce((difference, byte, at) => difference | (byte ^ (b[at] ?? 0)), 0) === 0
}
