import { createHmac } from "node:crypto"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { HDKey } from "@scure/bip32"
import { ConfigProvider, Effect, FastCheck, Redacted, TestClock } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as HdKeyRing from "../../src/layers/HdKeyRing.js"
import * as Chain from "../../src/schema/Chain.js"
import { maxKeyIndex, PublicKey } from "../../src/schema/Ids.js"
import { RootKey } from "../../src/schema/RootKey.js"
import * as Curve from "../../src/services/Curve.js"
import { check } from "../conformance/keychain.js"
import vectors from "../fixtures/keychain-vectors.json" with { type: "json" }

const seedHex = "000102030405060708090a0b0c0d0e0f"
const seed = (hex: string) => RootKey.Seed({ bytes: Redacted.make(fromHex(hex)) })
const text = (extendedKey: string) => RootKey.ExtendedKey({ text: Redacted.make(extendedKey) })
const point = PublicKey.make(vectors.ecdh.pub)

const sessionKey = (options: HdKeyRing.Options, index = 1, family = 8) =>
  Effect.scoped(Effect.flatMap(HdKeyRing.make(options), (ring) => ring.deriveKey({ family, index })))

describe("HdKeyRing", () => {
  it("derives the golden keys", () => {
    const results = check(vectors)
    assert.deepStrictEqual(
      results.filter((result) => !result.ok),
      []
    )
    assert.isAbove(results.length, 3 * vectors.paths.length)
  })

  it("the check can fail", () => {
    const broken = { ...vectors, paths: vectors.paths.map((path) => ({ ...path, pub: vectors.ecdh.pub })) }
    assert.isTrue(check(broken).some((result) => !result.ok))
  })

  it.effect("starts from an extended key of any level of the shared path", () =>
    Effect.gen(function* () {
      const master = HDKey.fromMasterSeed(fromHex(seedHex))
      for (const path of ["m", "m/1017'", "m/1017'/0'"]) {
        const root = text(master.derive(path).privateExtendedKey)
        assert.strictEqual(yield* sessionKey({ root, chain: Chain.bitcoinMainnet }), vectors.paths[0]?.pub)
      }
    })
  )

  it.effect("reads Decred's extended keys (dcrd hdkeychain, test vector 1)", () =>
    Effect.gen(function* () {
      const root = text(
        "dprv3hCznBesA6jBtmoyVFPfyMSZ1qYZ3WdjdebquvkEfmRfxC9VFEFi2YDaJqHnx7uGe75eGSa3Mn3oHK11hBW7KZUrPxwbCPBmuCi1nwm182s"
      )
      assert.strictEqual(yield* sessionKey({ root, chain: Chain.decredMainnet }), vectors.paths[4]?.pub)
    })
  )

  /** A hardened child as the wallets derive it of a key without its leading zeros: aligned to the left. */
  const childOfShort = ({ chainCode, privateKey }: HDKey, index: number) => {
    const [key, code] = [privateKey ?? new Uint8Array(), chainCode ?? new Uint8Array()]
    const data = new Uint8Array(37)
    data.set(key.subarray(key.findIndex((byte) => byte !== 0)), 1)
    new DataView(data.buffer).setUint32(33, 2 ** 31 + index)
    const hash = createHmac("sha512", code).update(data).digest()
    const { Fn } = secp256k1.Point
    const child = Fn.toBytes(Fn.add(Fn.fromBytes(key), Fn.fromBytes(hash.subarray(0, 32))))
    return new HDKey({ privateKey: child, chainCode: hash.subarray(32) })
  }

  // Each seed has a key that begins with zero on that level, and on no other that is kept short.
  it.effect.each([
    ["lnd", Chain.bitcoinMainnet, "be", "m/1017'", 0, "m/8'/0/1"],
    ["dcrlnd", Chain.decredMainnet, "01be", "m/44'", 42, "m/8'/0/1"],
    ["dcrlndRemote", Chain.decredMainnet, "01d2", "m/44'", 42, "m/0'/1017'/8'/1"],
    ["dcrlndRemote", Chain.decredMainnet, "2f", "m/44'/42'/0'/1017'", 8, "m/1"]
  ] as const)("of the layout %s keeps short what the wallets do", ([layout, chain, seedEnd, short, index, rest]) =>
    Effect.gen(function* () {
      const hex = seedEnd.padStart(32, "0")
      const key = HDKey.fromMasterSeed(fromHex(hex)).derive(short)
      assert.strictEqual(key.privateKey?.[0], 0)
      const found = yield* sessionKey({ root: seed(hex), chain, layout })
      assert.strictEqual(found, toHex(childOfShort(key, index).derive(rest).publicKey ?? new Uint8Array()))
      assert.notStrictEqual(found, toHex(key.derive(`m/${index}'`).derive(rest).publicKey ?? new Uint8Array()))
    })
  )

  it.effect("keeps 32 bytes of the coin type's key, as the wallets do", () =>
    Effect.gen(function* () {
      const hex = "37".padStart(32, "0")
      const master = HDKey.fromMasterSeed(fromHex(hex))
      assert.strictEqual(master.derive("m/44'/42'").privateKey?.[0], 0)
      assert.strictEqual(
        yield* sessionKey({ root: seed(hex), chain: Chain.decredMainnet }),
        toHex(master.derive("m/44'/42'/8'/0/1").publicKey ?? new Uint8Array())
      )
    })
  )

  // Keys that the layouts do not keep short follow the standard; 0.4 % of the seeds have a short purpose key.
  it.prop(
    "agrees with BIP-32 where no purpose key begins with zero",
    {
      seed: FastCheck.uint8Array({ minLength: 16, maxLength: 64 }),
      index: FastCheck.nat(0x7fff_ffff),
      family: FastCheck.nat(9)
    },
    ({ family, index, seed }) => {
      const master = HDKey.fromMasterSeed(seed)
      FastCheck.pre(master.derive("m/1017'").privateKey?.[0] !== 0)
      const expected = master.derive(`m/1017'/0'/${family}'/0/${index}`).publicKey
      const options = { root: RootKey.Seed({ bytes: Redacted.make(seed) }), chain: Chain.bitcoinMainnet }
      assert.strictEqual(Effect.runSync(sessionKey(options, index, family)), toHex(expected ?? new Uint8Array()))
    },
    { fastCheck: { numRuns: 20 } }
  )

  it.effect("has another key for every account of a remote wallet, and for the legacy coin type", () =>
    Effect.gen(function* () {
      const options = { root: seed(seedHex), chain: Chain.decredMainnet }
      const keys = yield* Effect.all([
        sessionKey(options),
        sessionKey({ ...options, legacyCoinType: true }),
        sessionKey({ ...options, layout: "dcrlndRemote" }),
        sessionKey({ ...options, layout: "dcrlndRemote", account: 1 })
      ])
      assert.strictEqual(new Set(keys).size, 4)
    })
  )

  const refusals: Array<[what: string, options: HdKeyRing.Options, sentence: RegExp]> = [
    ["a short seed", { root: seed("00".repeat(15)), chain: Chain.bitcoinMainnet }, /15 bytes; a seed has 16 to 64/],
    ["a long seed", { root: seed("00".repeat(65)), chain: Chain.bitcoinMainnet }, /65 bytes/],
    ["no extended key", { root: text("xprv"), chain: Chain.bitcoinMainnet }, /checksum/],
    [
      "a public key",
      { root: text(HDKey.fromMasterSeed(fromHex(seedHex)).publicExtendedKey), chain: Chain.bitcoinMainnet },
      /no private kind/
    ],
    [
      "an extended key of another network",
      { root: text(HDKey.fromMasterSeed(fromHex(seedHex)).privateExtendedKey), chain: Chain.bitcoinRegtest },
      /belongs to bitcoin mainnet, not to bitcoin regtest/
    ],
    [
      "an extended key of another chain",
      { root: text(HDKey.fromMasterSeed(fromHex(seedHex)).privateExtendedKey), chain: Chain.decredMainnet },
      /belongs to bitcoin mainnet, not to decred mainnet/
    ],
    [
      "an extended key off the path",
      {
        root: text(HDKey.fromMasterSeed(fromHex(seedHex)).derive("m/44'").privateExtendedKey),
        chain: Chain.bitcoinMainnet
      },
      /does not lie on the path of this layout, m\/1017'\/0'/
    ],
    [
      "an extended key below the shared path",
      {
        root: text(HDKey.fromMasterSeed(fromHex(seedHex)).derive("m/1017'/0'/8'").privateExtendedKey),
        chain: Chain.bitcoinMainnet
      },
      /depth 3/
    ]
  ]
  for (const [what, options, sentence] of refusals) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(HdKeyRing.make(options)))
        assert.match(error.message, sentence)
      })
    )
  }

  it.effect("has the first and the last key of the first and of the last family, from a seed of any length", () =>
    Effect.gen(function* () {
      const ends = [0, 2 ** 31 - 1]
      for (const hex of ["5e".repeat(16), "5e".repeat(64)]) {
        const master = HDKey.fromMasterSeed(fromHex(hex))
        for (const family of ends) {
          for (const index of ends) {
            const expected = master.derive(`m/1017'/0'/${family}'/0/${index}`).publicKey ?? new Uint8Array()
            const options = { root: seed(hex), chain: Chain.bitcoinMainnet }
            assert.strictEqual(yield* sessionKey(options, index, family), toHex(expected))
          }
        }
      }
    })
  )

  it.effect("reads a root from configuration, with blanks around it", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromMap(
        new Map([
          ["watchtower.chain", "bitcoin"],
          ["watchtower.keyRing.root", ` ${seedHex}\n`]
        ])
      )
      const options = yield* Effect.withConfigProvider(HdKeyRing.config, provider)
      assert.strictEqual(yield* sessionKey(options), vectors.paths[0]?.pub)
    })
  )

  it.effect("answers a wrong locator or point with an error", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const ring = yield* HdKeyRing.make({ root: seed(seedHex), chain: Chain.bitcoinMainnet })
        for (const wrong of [-1, 0.5, 2 ** 31]) {
          assert.match((yield* Effect.flip(ring.deriveKey({ family: 8, index: wrong }))).message, /no key \(8, /)
          assert.match((yield* Effect.flip(ring.deriveKey({ family: wrong, index: 1 }))).message, /no key \(.*, 1\)/)
        }
        const offCurve = PublicKey.make(`02${"f".repeat(64)}`)
        assert.match((yield* Effect.flip(ring.ecdh({ family: 8, index: 1 }, offCurve))).message, /not a point/)
      })
    )
  )

  it.effect("has the next key ready after the one before was used, and only then", () =>
    Effect.scoped(
      Effect.gen(function* () {
        let points = 0
        const counting: Curve.Curve.Service = {
          ...Curve.noble,
          publicKey: (secret) => {
            points += 1
            return Curve.noble.publicKey(secret)
          }
        }
        const options = { root: seed(seedHex), chain: Chain.bitcoinMainnet }
        const ring = yield* Effect.provideService(HdKeyRing.make(options), Curve.Curve, counting)
        const key = (index: number) => ({ family: 8, index })
        const pointsOf = <A, E>(effect: Effect.Effect<A, E>) =>
          Effect.map(
            Effect.sync(() => {
              points = 0
            }).pipe(Effect.andThen(effect), Effect.zipLeft(TestClock.adjust(0))),
            () => points
          )
        yield* ring.deriveKey(key(1))
        assert.strictEqual(yield* pointsOf(ring.ecdh(key(1), point)), 1)
        assert.strictEqual(yield* pointsOf(ring.deriveKey(key(2))), 0)
        assert.strictEqual(yield* ring.deriveKey(key(2)), yield* sessionKey(options, 2))
        // Of a key that was not derived for this: a conversation of an older session.
        assert.strictEqual(yield* pointsOf(ring.ecdh(key(1), point)), 0)
        assert.strictEqual(yield* pointsOf(ring.deriveKey(key(7))), 1)
        assert.strictEqual(yield* ring.deriveKey(key(7)), yield* sessionKey(options, 7))
        assert.strictEqual(yield* ring.deriveKey({ family: 6, index: 2 }), yield* sessionKey(options, 2, 6))
        // Behind the last index there is none.
        yield* ring.deriveKey(key(maxKeyIndex))
        assert.strictEqual(yield* pointsOf(ring.ecdh(key(maxKeyIndex), point)), 0)
        assert.match((yield* Effect.flip(ring.deriveKey(key(maxKeyIndex + 1)))).message, /no key/)
      })
    )
  )

  it.effect("gives no key once its scope is closed", () =>
    Effect.gen(function* () {
      const ring = yield* Effect.scoped(
        Effect.tap(HdKeyRing.make({ root: seed(seedHex), chain: Chain.bitcoinMainnet }), (open) =>
          open
            .deriveKey({ family: 8, index: 0 })
            .pipe(Effect.andThen(open.ecdh({ family: 8, index: 0 }, point)), Effect.andThen(TestClock.adjust(0)))
        )
      )
      assert.match((yield* Effect.flip(ring.deriveKey({ family: 8, index: 1 }))).message, /closed/)
      assert.match((yield* Effect.flip(ring.ecdh({ family: 8, index: 1 }, point))).message, /closed/)
    })
  )

  it.effect("prints no secret", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const root = seed(seedHex)
        const ring = yield* HdKeyRing.make({ root, chain: Chain.bitcoinMainnet })
        const shared = yield* ring.ecdh({ family: 8, index: 1 }, point)
        const secrets = [Uint8Array.from(fromHex(seedHex)), Redacted.value(shared)]
        const written = [root, ring, shared].flatMap((value) => [
          String(value),
          JSON.stringify(value),
          inspect(value, { depth: 10, showHidden: true })
        ])
        for (const secret of secrets) {
          for (const form of [toHex(secret), secret.join(","), secret.join(", "), JSON.stringify(secret)]) {
            assert.isFalse(written.some((one) => one.includes(form)))
          }
        }
      })
    )
  )
})
