import { Either } from "effect"
import { toHex } from "../../src/internal/bytes.js"
import type { Curve } from "../../src/internal/curve.js"
import { nobleCurve } from "../../src/internal/nobleCurve.js"

/** Computes once what is asked for the same bytes. */
export const remember = <A>(compute: (...parts: Array<Uint8Array>) => A) => {
  const known = new Map<string, A>()
  return (...parts: Array<Uint8Array>): A => {
    const key = parts.map(toHex).join()
    const value = known.get(key) ?? compute(...parts)
    known.set(key, value)
    return value
  }
}

const none = new Uint8Array(0)
const publicKey = remember((secret = none) => nobleCurve.publicKey(secret))
const ecdh = remember(
  (secret = none, point = none): Either.Either<Uint8Array, "BadKey"> => nobleCurve.ecdh(secret, point)
)

/** The curve of the library, which does each product of the vectors' few keys once. A product is overwritten by its user. */
export const curve: Curve = {
  ...nobleCurve,
  publicKey,
  ecdh: (secret, point) => Either.map(ecdh(secret, point), (product) => product.slice())
}
