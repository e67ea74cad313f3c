import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js"
import { Effect, Either, Redacted } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as JusticeKeys from "../../src/layers/JusticeKeys.js"
import { HexBytes, PublicKey } from "../../src/schema/Ids.js"
import type { SignRequest } from "../../src/schema/RevokedState.js"

/** The keys of BOLT-3, Appendix E. */
const bolt3 = {
  baseSecret: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  perCommitmentSecret: "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100",
  basePoint: "036d6caac248af96f6afa7f904f550253a0f3ef3f5aa2fe6838a95b216691468e2",
  localPublicKey: "0235f2dbfaa89b57ec7b055afe29849ef7ddfeb1cefdb9ebdc43f5494984db29e5",
  localSecret: "cbced912d3b21bf196a766651e436aff192362621ce317704ea2f75d87e7be0f",
  revocationPublicKey: "02916e326636d19c33f13e8c0c3a03dd157f332f3e99c317c141dd865eb01f8ff0",
  revocationSecret: "d09ffff62ddb2297ab000cc85bcb4283fdeb6aa052affbc9dddcf33b61078110"
}

const redacted = (hex: string) => Redacted.make(fromHex(hex))
const offTheCurve = PublicKey.make(`02${"ff".repeat(32)}`)

const secrets: JusticeKeys.Secrets = {
  revocationSecret: redacted(bolt3.revocationSecret),
  toRemoteSecret: redacted(bolt3.localSecret),
  localDelayKey: PublicKey.make(bolt3.basePoint)
}

const channel: JusticeKeys.ChannelSecrets = {
  type: "legacy",
  revocationBasepointSecret: redacted(bolt3.baseSecret),
  paymentBasepointSecret: redacted(bolt3.baseSecret),
  remoteDelayedPaymentBasepoint: PublicKey.make(bolt3.basePoint),
  perCommitmentSecret: redacted(bolt3.perCommitmentSecret)
}

const request = (role: SignRequest["role"], scheme: SignRequest["scheme"]): SignRequest => ({
  role,
  scheme,
  key: PublicKey.make(bolt3.basePoint),
  digest: HexBytes.make("5a".repeat(32)),
  transaction: HexBytes.make(""),
  input: 0,
  sighashType: scheme === "ecdsa" ? 1 : 0,
  script: HexBytes.make(""),
  prevOutputs: []
})

const signed = (keys: JusticeKeys.JusticeKeys, role: SignRequest["role"], scheme: SignRequest["scheme"]) =>
  Effect.runSync(keys.sign(request(role, scheme)))

const refusal = (made: Either.Either<unknown, JusticeKeys.InvalidJusticeKey>) =>
  Either.match(made, { onLeft: ({ message }) => message, onRight: () => "taken" })

describe("the keys of a channel", () => {
  it("are those of BOLT-3, with a to_remote key of this commitment in legacy channels", () => {
    const { keys } = Either.getOrThrow(JusticeKeys.fromChannel(channel))
    assert.deepStrictEqual(keys, {
      revocation: bolt3.revocationPublicKey,
      localDelay: bolt3.localPublicKey,
      toRemote: bolt3.localPublicKey
    })
  })

  it.each(["staticRemoteKey", "anchors", "taproot", "taprootFinal"] as const)(
    "have the payment base point as to_remote key in channels of type %s",
    (type) => {
      const { keys } = Either.getOrThrow(JusticeKeys.fromChannel({ ...channel, type }))
      assert.strictEqual(keys.toRemote, bolt3.basePoint)
    }
  )

  it("sign as the finished secrets do", () => {
    const [ofChannel, ofSecrets] = [
      Either.getOrThrow(JusticeKeys.fromChannel(channel)),
      Either.getOrThrow(JusticeKeys.fromSecrets(secrets))
    ]
    for (const role of ["toLocal", "toRemote"] as const) {
      for (const scheme of ["ecdsa", "schnorr"] as const) {
        assert.deepStrictEqual(signed(ofChannel, role, scheme), signed(ofSecrets, role, scheme))
      }
    }
  })
})

describe("a signature", () => {
  const keys = Either.getOrThrow(JusticeKeys.fromSecrets(secrets))
  const digest = fromHex("5a".repeat(32))

  it.each(["toLocal", "toRemote"] as const)("for %s is one of the key that its output has", (role) => {
    const key = fromHex(role === "toLocal" ? keys.keys.revocation : keys.keys.toRemote)
    const ecdsa = { prehash: false, lowS: true }
    assert.isTrue(secp256k1.verify(signed(keys, role, "ecdsa"), digest, key, ecdsa))
    assert.isTrue(schnorr.verify(signed(keys, role, "schnorr"), digest, key.subarray(1)))
  })

  it("of the same digest is the same each time", () => {
    for (const scheme of ["ecdsa", "schnorr"] as const) {
      assert.deepStrictEqual(signed(keys, "toLocal", scheme), signed(keys, "toLocal", scheme))
    }
  })
})

describe("secrets", () => {
  it("are read and never changed, and are not shown", () => {
    for (const made of [JusticeKeys.fromChannel(channel), JusticeKeys.fromSecrets(secrets)]) {
      const shown = (inspect(made, { depth: 9, maxArrayLength: null }) + JSON.stringify(made)).replaceAll(/\s/g, "")
      for (const secret of [bolt3.baseSecret, bolt3.perCommitmentSecret, bolt3.localSecret, bolt3.revocationSecret]) {
        assert.notInclude(shown, secret)
        assert.notInclude(shown, fromHex(secret).join(","))
      }
    }
    assert.strictEqual(toHex(Redacted.value(channel.revocationBasepointSecret)), bolt3.baseSecret)
    assert.strictEqual(toHex(Redacted.value(channel.perCommitmentSecret)), bolt3.perCommitmentSecret)
    assert.strictEqual(toHex(Redacted.value(secrets.revocationSecret)), bolt3.revocationSecret)
  })

  const wrong = [
    ["zero", "00".repeat(32)],
    ["31 bytes", "01".repeat(31)],
    ["33 bytes", "01".repeat(33)],
    ["the order of the curve", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"]
  ] as const

  const finished = [
    ["revocationSecret", /^The revocation secret is not a key/],
    ["toRemoteSecret", /^The to_remote secret is not a key/]
  ] as const
  it.each(finished)("that are not valid are named: %s", (name, message) => {
    for (const [what, hex] of wrong) {
      assert.match(refusal(JusticeKeys.fromSecrets({ ...secrets, [name]: redacted(hex) })), message, what)
    }
  })

  const ofChannel = [
    ["revocationBasepointSecret", /^The revocation base point secret is not a key/],
    ["paymentBasepointSecret", /^The payment base point secret is not a key/],
    ["perCommitmentSecret", /^The per-commitment secret is not a key/]
  ] as const
  it.each(ofChannel)("of a channel that are not valid are named: %s", (name, message) => {
    for (const [what, hex] of wrong) {
      assert.match(refusal(JusticeKeys.fromChannel({ ...channel, [name]: redacted(hex) })), message, what)
    }
  })
})

it("public keys that are not on the curve are named", () => {
  assert.match(
    refusal(JusticeKeys.fromSecrets({ ...secrets, localDelayKey: offTheCurve })),
    /^The delay key is not a key/
  )
  assert.match(
    refusal(JusticeKeys.fromChannel({ ...channel, remoteDelayedPaymentBasepoint: offTheCurve })),
    /^The delayed payment base point is not a key/
  )
})
