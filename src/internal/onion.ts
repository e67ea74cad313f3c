/** Onion v3 names: base32 of a public key, a checksum of two bytes and the version 3 (Tor rend-spec-v3, section 6). @since 0.1.0 */
import { sha3_256 } from "@noble/hashes/sha3.js"
import { base32 } from "@scure/base"
import { concat, equals } from "./bytes.js"

const version = Uint8Array.of(3)
const prefix = new TextEncoder().encode(".onion checksum")

/** Is this lowercase label (the part before `.onion`) a v3 name whose checksum is right? @since 0.1.0 @category combinators */
export const isOnionV3 = (label: string): boolean => {
  if (!/^[a-z2-7]{56}$/.test(label)) return false
  const bytes = base32.decode(label.toUpperCase())
  const key = bytes.subarray(0, 32)
  const checksum = sha3_256(concat(prefix, key, version)).subarray(0, 2)
  return equals(bytes.subarray(32), concat(checksum, version))
}
