import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import { nobleCurve as curve } from "../../src/internal/curve.js"

const initiator = fromHex("11".repeat(32))
const responder = fromHex("21".repeat(32))

describe("curve", () => {
  it("derives the public keys of BOLT-8", () => {
    assert.strictEqual(
      toHex(curve.publicKey(initiator)),
      "034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"
    )
    assert.strictEqual(
      toHex(curve.publicKey(responder)),
      "028d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7"
    )
  })

  it("hashes the compressed product", () => {
    const es = curve.ecdh(fromHex("12".repeat(32)), curve.publicKey(responder))
    assert.deepStrictEqual(
      Either.map(es, toHex),
      Either.right("1e2fb3c8fe8fb9f262f649f64d26ecf0f2c0a805a767cf02dc2d77a6ef1fdcc3")
    )
  })

  it("agrees from both sides", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.uint8Array({ minLength: 32, maxLength: 32 }).filter(curve.isSecret),
        FastCheck.uint8Array({ minLength: 32, maxLength: 32 }).filter(curve.isSecret),
        (a, b) => {
          assert.deepStrictEqual(curve.ecdh(a, curve.publicKey(b)), curve.ecdh(b, curve.publicKey(a)))
        }
      ),
      { numRuns: 10 }
    )
  })

  const x = "8d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7"
  const prime = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
  it.each([
    ["prefix 04", `04${x}`],
    ["prefix 06", `06${x}`],
    ["prefix 07", `07${x}`],
    ["prefix 00", `00${x}`],
    ["x not on the curve", `02${"00".repeat(31)}05`],
    ["x = p", `02${prime}`],
    ["x above p", `02${"ff".repeat(32)}`],
    ["32 bytes", `02${x.slice(2)}`],
    ["34 bytes", `02${x}00`],
    ["the whole point", `04${x}${"00".repeat(32)}`],
    ["nothing", ""]
  ])("refuses %s", (_, hex) => {
    assert.isFalse(curve.isPoint(fromHex(hex)))
    assert.deepStrictEqual(curve.ecdh(initiator, fromHex(hex)), Either.left("BadKey"))
  })

  it("refuses the uncompressed form of a point that it takes compressed", () => {
    const generator = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    const y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
    assert.isTrue(curve.isPoint(fromHex(`02${generator}`)))
    assert.isFalse(curve.isPoint(fromHex(`04${generator}${y}`)))
  })

  it("knows what a private key is", () => {
    const order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    assert.isFalse(curve.isSecret(fromHex("00".repeat(32))))
    assert.isFalse(curve.isSecret(fromHex(order)))
    assert.isTrue(curve.isSecret(fromHex(`${order.slice(0, -2)}40`)))
    assert.isFalse(curve.isSecret(fromHex("11".repeat(31))))
  })
})
