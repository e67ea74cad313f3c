import { assert, describe, it } from "@effect/vitest"
import { blake256 } from "@noble/hashes/blake1.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { createBase58check } from "@scure/base"
import { Either } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as ExtendedKeyText from "../../src/internal/extendedKeyText.js"
import * as Hd from "../../src/internal/hd.js"
import { nobleCurve as curve } from "../../src/internal/nobleCurve.js"

const codecs = { bitcoin: createBase58check(sha256), decred: createBase58check(blake256) }

const secret = "11".repeat(32)
const chainCode = "22".repeat(32)

/** The bytes of an extended private key with this version: the second child of a parent, one level deep. */
const bytesOf = (version: string, mark = "00") => `${version}0133333333${"00000001"}${chainCode}${mark}${secret}`

const parse = (chain: keyof typeof codecs, hex: string) =>
  ExtendedKeyText.parse(curve, codecs[chain].encode(fromHex(hex)))

describe("the text of an extended private key", () => {
  // btcd chaincfg, HDPrivateKeyID; dcrd chaincfg v3, HDPrivateKeyID.
  it.each([
    ["0488ade4", "bitcoin", true, "xprv"],
    ["04358394", "bitcoin", false, "tprv"],
    ["0420b900", "bitcoin", false, "sprv"],
    ["02fda4e8", "decred", true, "dprv"],
    ["04358397", "decred", false, "tprv"],
    ["0420b903", "decred", false, "sprv"],
    ["eab40448", "decred", false, "rprv"]
  ] as const)("with version %s is one of %s (mainnet: %s), and begins with %s", (version, chain, mainnet, prefix) => {
    assert.strictEqual(codecs[chain].encode(fromHex(bytesOf(version))).slice(0, 4), prefix)
    const { childNumber, depth, key, kind } = Either.getOrThrow(parse(chain, bytesOf(version)))
    assert.deepStrictEqual([kind.chain, kind.mainnet, kind.prefix], [chain, mainnet, prefix])
    assert.deepStrictEqual([depth, childNumber], [1, 1])
    assert.deepStrictEqual([toHex(key.secret), toHex(key.chainCode)], [secret, chainCode])
  })

  it.each([
    ["one byte too long", `${bytesOf("0488ade4")}00`, "BadLength"],
    ["one byte too short", bytesOf("0488ade4").slice(0, -2), "BadLength"],
    ["of a public key", bytesOf("0488b21e"), "UnknownKind"],
    ["with a public key inside", bytesOf("0488ade4", "02"), "InvalidKey"],
    ["with a key of zero", `${bytesOf("0488ade4").slice(0, -64)}${"00".repeat(32)}`, "InvalidKey"]
  ] as const)("is refused when it is %s", (_, hex, problem) => {
    assert.deepStrictEqual(parse("bitcoin", hex), Either.left(problem))
  })
})

describe("an extended private key", () => {
  it.each([
    ["zero", "00".repeat(32)],
    ["not below the order of the curve", "ff".repeat(32)]
  ])("is none where its bytes are %s, and they are overwritten", (_, hex) => {
    const [bytes, code] = [fromHex(hex), fromHex(chainCode)]
    assert.deepStrictEqual(Hd.make(curve, bytes, code), Either.left("InvalidKey"))
    assert.deepStrictEqual([bytes, code], [new Uint8Array(32), new Uint8Array(32)])
  })
})
