/**
 * G9 (docs/negotiation.md): no secret is ever logged, printed, traced, thrown or stored in the clear. The real key
 * ring, the real handshake and a real file; each secret is recorded where it is made, and looked for in all
 * that came out.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { inspect } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import { HDKey } from "@scure/bip32"
import { Effect, GlobalValue, Layer, Redacted, Stream } from "effect"
import { vi } from "vitest"
import { Key } from "../../../src/internal/aead.js"
import { nobleCurve } from "../../../src/internal/nobleCurve.js"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as HdKeyRing from "../../../src/layers/HdKeyRing.js"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import { publicKeyOf } from "../../../src/layers/testing/FixedKeyRing.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { HexBytes, KeyIndex, type PublicKey } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import { RootKey } from "../../../src/schema/RootKey.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Curve } from "../../../src/services/Curve.js"
import { KeyRing } from "../../../src/services/KeyRing.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"
import * as Capture from "./secrets/capture.js"
import { find, forms, part, type Secret } from "./secrets/search.js"
import { addressOf, regtest, towerKey } from "./world.js"

/** Everything that the code itself declares to be secret: what Effect keeps of each redacted value, and the keys that are derived. */
const registry = GlobalValue.globalValue("effect/Redacted/redactedRegistry", () => new WeakMap<WeakKey, unknown>())
const declared: Array<Secret> = []
const declare = (name: string, bytes: Uint8Array) => declared.push({ name, bytes: Uint8Array.from(bytes) })
const watchRedacted = () => {
  const set = registry.set.bind(registry)
  const spy = vi.spyOn(registry, "set").mockImplementation((redacted, value) => {
    if (value instanceof Uint8Array) declare("redacted value", value)
    return set(redacted, value)
  })
  return () => spy.mockRestore()
}
/** A key's bytes are in a private field: they are seen when it is used, and before it is overwritten. */
const watchKeys = () => {
  const { bytes, wipe } = Key.prototype
  const note = (key: Key): Uint8Array => {
    const own = bytes.call(key)
    declare("derived key", own)
    return own
  }
  const used = vi.spyOn(Key.prototype, "bytes").mockImplementation(function (this: Key) {
    return note(this)
  })
  const wiped = vi.spyOn(Key.prototype, "wipe").mockImplementation(function (this: Key) {
    note(this)
    wipe.call(this)
  })
  return () => {
    used.mockRestore()
    wiped.mockRestore()
  }
}

const seed = Uint8Array.from({ length: 32 }, (_, i) => (i * 89 + 41) % 251)
const towerSecret = Uint8Array.from({ length: 32 }, (_, i) => (i * 57 + 11) % 253)

/** A key on the curve; its secret is no secret. */
const stranger = publicKeyOf(77)

/** The secrets that pass through the curve: private keys, and what ECDH gives. */
const watchCurve = () => {
  const seen: Array<Secret> = []
  const note = (name: string, bytes: Uint8Array) => seen.push({ name, bytes: Uint8Array.from(bytes) })
  const curve: Curve.Service = {
    ...nobleCurve,
    publicKey: (secret) => {
      note("private key", secret)
      return nobleCurve.publicKey(secret)
    },
    ecdh: (secret, point) => {
      note("private key", secret)
      const shared = nobleCurve.ecdh(secret, point)
      if (shared._tag === "Right") note("ECDH output", shared.right)
      return shared
    }
  }
  return { seen, layer: Layer.succeed(Curve, curve) }
}

/** The keys between the seed and the session keys. */
const wallet = (): ReadonlyArray<Secret> => {
  const master = HDKey.fromMasterSeed(seed)
  return ["m", "m/1017'", "m/1017'/1'", "m/1017'/1'/8'", "m/1017'/1'/8'/0"].flatMap((at) => {
    const { chainCode, privateKey } = master.derive(at)
    if (privateKey === null || chainCode === null) throw new Error(`no key at ${at}`)
    return [
      { name: `private key ${at}`, bytes: privateKey },
      { name: `chain code ${at}`, bytes: chainCode }
    ]
  })
}

describe("G9: no secret is ever logged, printed, traced, thrown or stored in the clear", () => {
  it("the search finds a part of a secret in every form", () => {
    const secret = { name: "seed", bytes: seed }
    for (const from of [0, seed.length - part]) {
      for (const form of forms(seed.subarray(from, from + part)))
        expect(find(`a ${form} b`, [secret])).toEqual(["seed"])
    }
    // Base64 of something longer, whatever stands before it.
    for (const before of [0, 1, 2]) {
      const longer = Buffer.concat([Buffer.alloc(before, 7), seed]).toString("base64")
      expect(find(longer, [secret])).toEqual(["seed"])
    }
    // In columns, as many numbers are printed.
    expect(inspect(seed)).toContain("\n")
    expect(find(inspect({ seed }), [secret])).toEqual(["seed"])
    expect(find("nothing", [secret])).toEqual([])
  })

  it.live("neither when all goes well nor when anything fails", () =>
    Effect.gen(function* () {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "secrets-"))
      const filename = path.join(folder, "client.db")
      const capture = Capture.make()
      const curve = watchCurve()
      const restoreConsole = capture.console()
      const restoreRedacted = watchRedacted()
      const restoreKeys = watchKeys()
      const stored: Array<string> = []
      const readFiles = () => {
        for (const file of fs.readdirSync(folder)) stored.push(fs.readFileSync(path.join(folder, file), "latin1"))
      }

      const tower = yield* Effect.provide(
        LoopbackTower.make({ chain: regtest, secretKey: Redacted.make(towerSecret) }),
        curve.layer
      )
      const dialer = SocketPair.dialer((end, address) =>
        address === addressOf(1)
          ? tower.serve(end)
          : // Reads act one and answers with as many bytes that mean nothing.
            Effect.andThen(end.read, end.send(new Uint8Array(50))).pipe(
              Effect.forever,
              Effect.ignore,
              Effect.ensuring(end.close)
            )
      )
      const root = RootKey.Seed({ bytes: Redacted.make(Uint8Array.from(seed)) })
      const db = SqliteClientDb.layer({ filename })
      const layer = SessionNegotiator.layer({
        chain: regtest,
        policy: Policy.defaults(regtest),
        firstKeyIndex: KeyIndex.make(1)
      }).pipe(
        Layer.provideMerge(
          Layer.mergeAll(
            db,
            HdKeyRing.layer({ root, chain: regtest }),
            Layer.provide(RoundRobinTowerCandidates.layer(), db),
            Layer.provide(
              BrontideTowerTransport.layer({ handshakeTimeout: "300 millis", messageTimeout: "100 millis" }),
              Layer.succeed(SocketDialer, dialer)
            )
          )
        ),
        Layer.provideMerge(capture.layer),
        Layer.provide(curve.layer)
      )

      yield* Effect.gen(function* () {
        const negotiator = yield* SessionNegotiator.SessionNegotiator
        const candidates = yield* TowerCandidates
        for (const value of [root, yield* KeyRing, yield* TowerTransport, negotiator, candidates]) capture.keep(value)
        yield* Effect.forkScoped(
          Stream.runForEach(yield* negotiator.events, (event) => Effect.sync(() => capture.keep(event)))
        )
        yield* Effect.forkScoped(
          Stream.runForEach(yield* negotiator.statusChanges, (status) => Effect.sync(() => capture.keep(status)))
        )
        const once = negotiator.negotiate.pipe(
          Effect.tapBoth({
            onFailure: (error) =>
              Effect.andThen(
                Effect.sync(() => capture.keep(error)),
                Effect.logError(error)
              ),
            onSuccess: (session) =>
              Effect.andThen(
                Effect.sync(() => capture.keep(session)),
                Effect.logInfo(session.id)
              )
          }),
          Effect.tapErrorCause((cause) =>
            Effect.andThen(
              Effect.sync(() => capture.keep(cause)),
              Effect.logError(cause)
            )
          ),
          Effect.withSpan("once"),
          Effect.exit
        )
        const add = (publicKey: PublicKey, n: number) => candidates.add(publicKey, addressOf(n))

        yield* add(tower.publicKey, 1)
        expect((yield* once)._tag).toBe("Success")
        expect((yield* negotiator.nextSession).towerPublicKey).toBe(tower.publicKey)
        const { Fault } = LoopbackTower
        const garbage = new ErrorMessage({ code: 40, data: HexBytes.make("ff".repeat(100)) })
        const faults = [
          ...(["handshake", "init", "reply"] as const).flatMap((before) => [
            Fault.HangUp({ before }),
            Fault.Silent({ before })
          ]),
          Fault.Replace({ with: () => garbage })
        ]
        for (const fault of faults) {
          yield* tower.setFault(fault)
          expect((yield* once)._tag).toBe("Failure")
        }
        readFiles()
        yield* tower.setFault(undefined)
        yield* candidates.remove(tower.publicKey)
        // A tower that does not speak brontide, one with another key, and a key that is no point of the curve.
        yield* add(stranger, 2)
        expect((yield* once)._tag).toBe("Failure")
        yield* add(towerKey(7), 1)
        expect((yield* once)._tag).toBe("Failure")
        yield* Effect.logDebug("the end", root, yield* KeyRing)
        readFiles()
      }).pipe(Effect.provide(layer), Effect.scoped)
      readFiles()
      // The key ring is closed: its error is kept, too.
      const closed = yield* Effect.scoped(HdKeyRing.make({ root, chain: regtest }))
      capture.keep(yield* Effect.flip(closed.deriveKey({ family: 8, index: 1 })))
      restoreConsole()
      restoreRedacted()
      restoreKeys()
      fs.rmSync(folder, { recursive: true })

      const secrets: ReadonlyArray<Secret> = [
        { name: "seed", bytes: seed },
        { name: "the tower's key", bytes: towerSecret },
        ...wallet(),
        ...curve.seen,
        ...declared
      ].filter(
        // Each of them once, but for the zeros that other tests take for secrets.
        ({ bytes }, i, all) =>
          bytes.some((byte) => byte !== 0) && all.findIndex((other) => Buffer.from(other.bytes).equals(bytes)) === i
      )
      const names = secrets.map(({ name }) => name)
      expect(names.filter((name) => name === "private key").length).toBeGreaterThan(20)
      expect(names.filter((name) => name === "ECDH output").length).toBeGreaterThan(10)
      // Handshake and cipher keys: four mixings of two keys each a handshake.
      expect(names.filter((name) => name === "derived key").length).toBeGreaterThan(60)
      const text = [...capture.texts()].join("\n")
      // Something was logged, traced and stored: the session id is no secret.
      expect(text).toContain("session established")
      expect(text).toContain("watchtower.connect")
      expect(stored.join("").length).toBeGreaterThan(10_000)

      expect(find(text, secrets)).toEqual([])
      expect(find(stored.join("\n"), secrets)).toEqual([])
    })
  )
})
