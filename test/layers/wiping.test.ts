/** Secrets that are not needed any more are overwritten: seen in every byte array that was made. */
import { createHmac, hkdfSync } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { HDKey } from "@scure/bip32"
import { Effect, Either, Exit, Redacted, Scope } from "effect"
import { concat, fromHex } from "../../src/internal/bytes.js"
import * as Hd from "../../src/internal/hd.js"
import * as Derivation from "../../src/internal/justice/derivation.js"
import type { JusticeCurve } from "../../src/internal/justice/justiceCurve.js"
import { nobleJusticeCurve } from "../../src/internal/justice/nobleJusticeCurve.js"
import { nobleCurve as curve } from "../../src/internal/nobleCurve.js"
import * as Noise from "../../src/internal/noise.js"
import * as Symmetric from "../../src/internal/symmetric.js"
import * as Connection from "../../src/layers/brontide/connection.js"
import * as HdKeyRing from "../../src/layers/HdKeyRing.js"
import * as SocketPair from "../../src/layers/testing/SocketPair.js"
import * as Chain from "../../src/schema/Chain.js"
import { PublicKey } from "../../src/schema/Ids.js"
import { RootKey } from "../../src/schema/RootKey.js"
import * as Curve from "../../src/services/Curve.js"
import vectors from "../fixtures/keychain-vectors.json" with { type: "json" }
import { clientKey, entropy, options, towerKey } from "./brontide/endpoints.js"
import { type Watch, watch } from "./byteArrays.js"

type Secrets = Readonly<Record<string, Uint8Array>>

/** The names of the secrets that stand anywhere. */
const found = (watched: Watch, secrets: Secrets) =>
  Object.entries(secrets).flatMap(([name, secret]) => (watched.holding(secret) > 0 ? [name] : []))

describe("a key ring", () => {
  const seed = fromHex("000102030405060708090a0b0c0d0e0f")
  const root = RootKey.Seed({ bytes: Redacted.make(seed) })
  const master = HDKey.fromMasterSeed(seed)

  const keyAt = (path: string): Secrets => {
    const { chainCode, privateKey } = master.derive(path)
    return {
      [`key ${path}`]: privateKey ?? new Uint8Array(),
      [`chain code ${path}`]: chainCode ?? new Uint8Array()
    }
  }

  /** What is added to the parent's key, and stands in no key. */
  const tweakOf = (parent: string, index: number, hardened: boolean): Secrets => {
    const { chainCode, privateKey, publicKey } = master.derive(parent)
    const number = Buffer.alloc(4)
    number.writeUInt32BE(hardened ? index + 0x8000_0000 : index)
    const key = hardened ? concat(new Uint8Array(1), privateKey ?? new Uint8Array()) : publicKey
    const hash = createHmac("sha512", chainCode ?? "")
      .update(concat(key ?? new Uint8Array(), number))
      .digest()
    return { [`tweak ${parent}/${index}`]: hash.subarray(0, 32) }
  }

  const shared = keyAt("m/1017'/0'")
  const familyKey = (family: number) => keyAt(`m/1017'/0'/${family}'/0`)
  const passing: Secrets = {
    ...keyAt("m"),
    ...keyAt("m/1017'"),
    ...tweakOf("m", 1017, true),
    ...tweakOf("m/1017'", 0, true),
    ...keyAt("m/1017'/0'/8'"),
    ...tweakOf("m/1017'/0'", 8, true),
    ...tweakOf("m/1017'/0'/8'", 0, false),
    ...keyAt("m/1017'/0'/8'/0/1"),
    ...tweakOf("m/1017'/0'/8'/0", 1, false)
  }
  const point = PublicKey.make(vectors.ecdh.pub)
  const sessionKey = keyAt("m/1017'/0'/8'/0/1")["key m/1017'/0'/8'/0/1"] ?? new Uint8Array()
  const product = secp256k1.getSharedSecret(sessionKey, fromHex(point), true).subarray(1)

  it.scoped.each([Curve.noble, Curve.native(), Curve.webAssembly()].map((curve) => [curve.name, curve] as const))(
    "keeps the shared key and that of one family, and at its end nothing (curve: %s)",
    ([, curve]) =>
      Effect.gen(function* () {
        const kept = { ...shared, ...familyKey(8) }
        const scope = yield* Scope.make()
        const watched = yield* watch
        const ring = yield* Scope.extend(HdKeyRing.make({ root, chain: Chain.bitcoinMainnet }), scope)
        yield* ring.deriveKey({ family: 8, index: 1 })
        yield* ring.ecdh({ family: 8, index: 1 }, point)
        assert.deepStrictEqual(found(watched, kept), Object.keys(kept))
        assert.deepStrictEqual(found(watched, { ...passing, product }), [])
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(found(watched, kept), [])
      }).pipe(Effect.provideService(Curve.Curve, curve))
  )

  it.scoped("keeps nothing of a child whose key is none", () =>
    Effect.gen(function* () {
      const child = { ...keyAt("m/1017'"), ...tweakOf("m", 1017, true) }
      const watched = yield* watch
      const refusing = { ...curve, addToSecret: () => Either.left("InvalidKey" as const) }
      const parent = Either.getOrThrow(Hd.master(curve, seed))
      assert.deepStrictEqual(Hd.childSecret(refusing, parent, Hd.hardened(1017)), Either.left("InvalidKey"))
      assert.deepStrictEqual(found(watched, child), [])
    })
  )

  it.scoped("forgets the key of a family when that of another is asked for", () =>
    Effect.gen(function* () {
      const [last, others] = [familyKey(8), { ...familyKey(9), ...familyKey(0), ...familyKey(3) }]
      const watched = yield* watch
      const ring = yield* HdKeyRing.make({ root, chain: Chain.bitcoinMainnet })
      for (const family of [8, 9, 0, 3, 8]) yield* ring.deriveKey({ family, index: 1 })
      assert.deepStrictEqual(found(watched, others), [])
      assert.deepStrictEqual(found(watched, last), Object.keys(last))
    })
  )
})

describe("a connection", () => {
  const clientEphemeral = "12".repeat(32)
  const towerEphemeral = "22".repeat(32)

  const ecdh = (secret: string, publicKeyOf: string) =>
    Either.getOrThrow(curve.ecdh(fromHex(secret), curve.publicKey(fromHex(publicKeyOf))))

  const next = (chainingKey: Uint8Array, input: Uint8Array) => {
    const bytes = new Uint8Array(hkdfSync("sha256", input, chainingKey, "", 64))
    return [bytes.slice(0, 32), bytes.slice(32)] as const
  }

  const es = ecdh(clientEphemeral, "21".repeat(32))
  const ee = ecdh(clientEphemeral, towerEphemeral)
  const se = ecdh("11".repeat(32), towerEphemeral)
  const [ck1, k1] = next(sha256(new TextEncoder().encode(Symmetric.protocolName)), es)
  const [ck2, k2] = next(ck1, ee)
  const [ck3, k3] = next(ck2, se)
  const [toTower, toClient] = next(ck3, new Uint8Array())
  const [ckTower, toTowerNext] = next(ck3, toTower)
  const [ckClient, toClientNext] = next(ck3, toClient)
  const passing: Secrets = {
    clientEphemeral: fromHex(clientEphemeral),
    towerEphemeral: fromHex(towerEphemeral),
    ...{ es, ee, se, ck1, k1, ck2, k2, k3 }
  }
  const first: Secrets = { ck3, toTower, toClient }
  const second: Secrets = { ckTower, toTowerNext, ckClient, toClientNext }

  const body = Uint8Array.of(1, 2, 3)

  const connect = Effect.gen(function* () {
    const [ours, theirs] = yield* SocketPair.make()
    const given = yield* options
    return yield* Effect.all(
      [Connection.initiate(ours, towerKey.publicKey, clientKey, given), Connection.accept(theirs, towerKey, given)],
      { concurrency: "unbounded" }
    )
  }).pipe(Effect.provide(entropy(clientEphemeral, towerEphemeral)))

  it.scoped("keeps its two keys and what the next come from; at its end nothing, and sends nothing", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const watched = yield* watch
      const [client, tower] = yield* Scope.extend(connect, scope)
      const exchange = Effect.gen(function* () {
        yield* client.send(body)
        yield* tower.receive
        yield* tower.send(body)
        yield* client.receive
      })
      yield* exchange
      assert.deepStrictEqual(found(watched, passing), [])
      assert.deepStrictEqual(found(watched, first), Object.keys(first))
      // The 500th frame each way is the last one under the first keys.
      yield* Effect.repeatN(exchange, 498)
      assert.deepStrictEqual(found(watched, first), [])
      assert.deepStrictEqual(found(watched, second), Object.keys(second))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(found(watched, second), [])
      assert.strictEqual((yield* Effect.flip(client.send(body)))._tag, "ConnectionEnded")
    })
  )

  it.scoped("keeps nothing of a frame that does not decrypt", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const watched = yield* watch
      const [ours, theirs] = yield* SocketPair.make()
      const given = yield* options
      const [client] = yield* Effect.all(
        [Connection.initiate(ours, towerKey.publicKey, clientKey, given), Connection.accept(theirs, towerKey, given)],
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(entropy(clientEphemeral, towerEphemeral)), Scope.extend(scope))
      yield* theirs.send(new Uint8Array(18))
      assert.strictEqual((yield* Effect.flip(client.receive))._tag, "GarbledFrame")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(found(watched, first), [])
    })
  )

  const acts: ReadonlyArray<readonly [title: string, act: Uint8Array]> = [
    ["a wrong version", Uint8Array.from({ length: 50 }, () => 1)],
    ["a wrong key", new Uint8Array(50)],
    ["a wrong tag", concat(Uint8Array.of(0), curve.publicKey(fromHex(towerEphemeral)), new Uint8Array(16))]
  ]
  for (const [title, act] of acts) {
    it.scoped(`keeps nothing when act two has ${title}`, () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        const watched = yield* watch
        yield* theirs.send(act)
        const error = yield* Connection.initiate(ours, towerKey.publicKey, clientKey, yield* options).pipe(
          Effect.provide(entropy(clientEphemeral)),
          Effect.flip
        )
        assert.strictEqual(error._tag, "HandshakeFailed")
        assert.deepStrictEqual(found(watched, passing), [])
      })
    )
  }

  for (const actThree of ["12".repeat(33), "00".repeat(33)]) {
    it.scoped(`keeps nothing when act three is wrong (${actThree.slice(0, 4)}...)`, () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        const watched = yield* watch
        const start = Noise.initiator(fromHex(towerKey.publicKey))
        const ephemeral = {
          secret: Redacted.make(fromHex(clientEphemeral)),
          publicKey: curve.publicKey(fromHex(clientEphemeral))
        }
        const [, actOne] = Either.getOrThrow(Noise.writeActOne(curve, start, ephemeral))
        yield* ours.send(actOne)
        yield* ours.send(fromHex(actThree + actThree))
        yield* Connection.accept(theirs, towerKey, yield* options).pipe(
          Effect.provide(entropy(towerEphemeral)),
          Effect.flip
        )
        // The client's are the test's own.
        const { clientEphemeral: _, es: __, ck1: ___, k1: ____, ...ofTower } = passing
        assert.deepStrictEqual(found(watched, ofTower), [])
      })
    )
  }

  it.scoped("keeps nothing when it is interrupted in the middle of a handshake", () =>
    Effect.gen(function* () {
      const [ours] = yield* SocketPair.make()
      const watched = yield* watch
      const fiber = yield* Connection.initiate(ours, towerKey.publicKey, clientKey, yield* options).pipe(
        Effect.provide(entropy(clientEphemeral)),
        Effect.scoped,
        Effect.fork
      )
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      assert.include(found(watched, passing), "clientEphemeral")
      yield* fiber.pipe((one) => Effect.andThen(one.interruptAsFork(one.id()), Effect.yieldNow()))
      yield* Effect.ignore(Effect.exit(fiber))
      assert.deepStrictEqual(found(watched, passing), [])
    })
  )
})

describe("the revocation key of a commitment", () => {
  const base = fromHex("11".repeat(32))
  const basePoint = curve.publicKey(base)
  const secret = fromHex("22".repeat(32))
  const perCommitment = { secret, point: curve.publicKey(secret) }

  const product = (secret: Uint8Array, first: Uint8Array, second: Uint8Array) => {
    const { Fn } = secp256k1.Point
    const factor = Fn.create(Fn.fromBytes(sha256(concat(first, second)), true))
    return Fn.toBytes(Fn.mul(Fn.fromBytes(secret), factor))
  }
  const summands: Secrets = {
    ours: product(base, basePoint, perCommitment.point),
    theirs: product(secret, perCommitment.point, basePoint)
  }
  const sum = Either.getOrThrow(
    nobleJusticeCurve.addSecret(summands.ours ?? new Uint8Array(), summands.theirs ?? new Uint8Array())
  )

  it.scoped("is all that is kept of its two summands", () =>
    Effect.gen(function* () {
      const watched = yield* watch
      const made = Derivation.revocationSecret(nobleJusticeCurve, base, perCommitment)
      assert.deepStrictEqual(found(watched, { ...summands, sum }), ["sum"])
      assert.deepStrictEqual(Either.getOrThrow(made), sum)
    })
  )

  const failures: ReadonlyArray<readonly [what: string, refusing: Partial<JusticeCurve>]> = [
    ["their sum", { addSecret: () => Either.left("NoKey") }],
    [
      "the second one",
      {
        multiplySecret: (secret, by) =>
          secret === base ? nobleJusticeCurve.multiplySecret(secret, by) : Either.left("NoKey")
      }
    ],
    [
      "the first one",
      {
        multiplySecret: (secret, by) =>
          secret === base ? Either.left("NoKey") : nobleJusticeCurve.multiplySecret(secret, by)
      }
    ]
  ]
  it.scoped.each(failures)("keeps nothing of its summands where %s is no key", ([, refusing]) =>
    Effect.gen(function* () {
      const watched = yield* watch
      const made = Derivation.revocationSecret({ ...nobleJusticeCurve, ...refusing }, base, perCommitment)
      assert.deepStrictEqual(made, Either.left("NoKey"))
      assert.deepStrictEqual(found(watched, summands), [])
    })
  )
})

it.scoped("a secret that is only forgotten is found", () =>
  Effect.gen(function* () {
    const watched = yield* watch
    const secret = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
    const expected = Buffer.from(secret)
    secret.slice().subarray(3)
    assert.strictEqual(watched.holding(expected), 2)
    secret.fill(0)
    assert.strictEqual(watched.holding(expected), 1)
  })
)
