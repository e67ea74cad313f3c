/**
 * The cookie of a browser that has signed in. It says until when it is valid, and proves by the service's token that the service
 * made it: so it outlives a restart, and a new token ends all cookies.
 *
 * @since 0.1.0
 */
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Redacted from "effect/Redacted"
import { toHex } from "../../internal/bytes.js"
import { isSame } from "./isSame.js"

/** How long a browser stays signed in, in milliseconds. @since 0.1.0 @category models */
export const lifetimeMs = 7 * 24 * 3_600_000

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const proofOf = (token: Redacted.Redacted, until: string): string =>
  toHex(hmac(sha256, bytes(Redacted.value(token)), bytes(`wtclient page ${until}`)))

/** The value of a new cookie. @since 0.1.0 @category constructors */
export const make = (token: Redacted.Redacted, now: number): Redacted.Redacted => {
  const until = String(now + lifetimeMs)
  return Redacted.make(`${until}.${proofOf(token, until)}`)
}

/** Did the service make it, and is it valid still? @since 0.1.0 @category combinators */
export const isValid = (token: Redacted.Redacted, cookie: Redacted.Redacted, now: number): boolean => {
  const [until = "", proof = ""] = Redacted.value(cookie).split(".")
  return isSame(proof, proofOf(token, until)) && Number(until) > now
}
