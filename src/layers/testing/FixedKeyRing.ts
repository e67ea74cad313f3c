/**
 * Key rings without derivation, for tests: never for real sessions, since their keys are public.
 *
 * @since 0.1.0
 * @module
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { fromHex, toHex } from "../../internal/bytes.js"
import { nobleCurve } from "../../internal/nobleCurve.js"
import { PublicKey } from "../../schema/Ids.js"
import { KeyRingError } from "../../schema/KeyRingError.js"
import { Curve } from "../../services/Curve.js"
import { KeyRing } from "../../services/KeyRing.js"

/**
 * The private key of an index, in every family: 01, 27 zero bytes, the index as u32 big-endian. That of the recorded runs,
 * whose tower n has the key of index 1,000,000 + n.
 *
 * @since 0.1.0
 * @category testing
 */
export const secretOf = (index: number): Uint8Array => {
  const secret = new Uint8Array(32)
  secret[0] = 1
  new DataView(secret.buffer).setUint32(28, index)
  return secret
}

/** The public key of `secretOf(index)`. @since 0.1.0 @category testing */
export const publicKeyOf = (index: number): PublicKey => PublicKey.make(toHex(nobleCurve.publicKey(secretOf(index))))

/**
 * Real keys, all of them public knowledge: they connect to real towers and replay the recorded runs.
 *
 * @since 0.1.0
 * @category testing
 */
export const make: KeyRing.Service = {
  layout: "fixed",
  deriveKey: ({ index }) => Effect.map(Curve, (curve) => PublicKey.make(toHex(curve.publicKey(secretOf(index))))),
  ecdh: ({ index }, point) =>
    Effect.flatMap(Curve, (curve) =>
      curve.ecdh(secretOf(index), fromHex(point)).pipe(
        Either.map((bytes) => Redacted.make(bytes)),
        Either.mapLeft(
          () => new KeyRingError({ operation: "ecdh", detail: "the other side's key is not on the curve" })
        )
      )
    )
}

/** The key ring of `make`. @since 0.1.0 @category testing */
export const layer: Layer.Layer<KeyRing> = Layer.succeed(KeyRing, make)

/** The fake ring's key: no point of the curve on purpose, a different one for each family and index. @since 0.1.0 @category testing */
export const fakeKeyOf = ({ family, index }: KeyRing.Locator): PublicKey =>
  PublicKey.make(`02${hex8(family)}${"0".repeat(48)}${hex8(index)}`)

const hex8 = (value: number): string => value.toString(16).padStart(8, "0")

const noSecret = Redacted.make(new Uint8Array(32))

/**
 * Keys that cost no curve arithmetic and fit no handshake, for simulations over a scripted transport.
 *
 * @since 0.1.0
 * @category testing
 */
export const makeFake: KeyRing.Service = {
  layout: "fake",
  deriveKey: (locator) => Effect.sync(() => fakeKeyOf(locator)),
  ecdh: () => Effect.succeed(noSecret)
}

/** The key ring of `makeFake`. @since 0.1.0 @category testing */
export const layerFake: Layer.Layer<KeyRing> = Layer.succeed(KeyRing, makeFake)
