/** Negotiators as layers: several over the same ports, and what is refused when one is built. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Logger, LogLevel } from "effect"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import * as BlobType from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { SatPerKw } from "../../../src/schema/FeeRate.js"
import * as Policy from "../../../src/schema/Policy.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { KeyRing } from "../../../src/services/KeyRing.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"
import { broken, brokenRing, indexOf } from "./scenes.js"
import { addressOf, options, regtest, towerKey } from "./world.js"

describe("several negotiators over the same ports", () => {
  class Legacy extends SessionNegotiator.Tag("Legacy")<Legacy>() {}
  class Anchor extends SessionNegotiator.Tag("Anchor")<Anchor>() {}

  const policies = {
    legacy: Policy.defaults(regtest, BlobType.altruistCommit),
    anchor: Policy.defaults(regtest, BlobType.altruistAnchorCommit)
  }

  it("each has its own tag, keys and standings; the tower refuses one blob type and serves the other", () => {
    const script = (dial: TowerScript.Dial): TowerScript.Script => ({
      latency: 100,
      reply: (request) =>
        TowerScript.replies(request.blobType === BlobType.altruistCommit ? 0 : dial.number > 2 ? 0 : 64).reply?.(
          request,
          dial
        ) ?? TowerScript.goodReply()
    })
    const transport = ScriptedTowerTransport.make(script)
    const ports = Layer.mergeAll(
      Layer.provideMerge(RoundRobinTowerCandidates.layer({ pollInterval: Infinity }), MemoryClientDb.layer()),
      FixedKeyRing.layerFake,
      transport.layer
    )
    const negotiators = Layer.mergeAll(
      SessionNegotiator.layerOf(Legacy, { ...options, policy: policies.legacy } as SessionNegotiator.Options),
      SessionNegotiator.layerOf(Anchor, { ...options, policy: policies.anchor } as SessionNegotiator.Options)
    )
    const program = Effect.gen(function* () {
      const [legacy, other, candidates] = [yield* Legacy, yield* Anchor, yield* TowerCandidates]
      yield* candidates.add(towerKey(1), addressOf(1))
      const [one, error] = yield* Effect.all([legacy.nextSession, Effect.flip(other.negotiate)], { concurrency: 2 })
      expect(one.policy).toEqual(policies.legacy)
      expect(error).toMatchObject({ _tag: "FailedNegotiation" })
      expect(yield* Effect.flip(other.negotiate)).toMatchObject({ _tag: "NoTowerCandidates" })
      // Both were there at the same time, each with a key of its own.
      expect(transport.dials().map(({ at }) => at)).toEqual([0, 0])
      expect(new Set(transport.dials().map(indexOf)).size).toBe(2)
      yield* legacy.nextSession
      // News reaches both.
      yield* candidates.add(towerKey(1), addressOf(1, 2))
      yield* Effect.yieldNow()
      const two = yield* other.nextSession
      expect(two).toMatchObject({ policy: policies.anchor, keyIndex: indexOf(transport.dials()[1] ?? fail()) })
      const db = yield* ClientDb
      expect((yield* db.listClientSessions()).map(({ policy }) => policy.blobType).sort()).toEqual([2, 2, 6])
      expect(transport.violations()).toEqual([])
    })
    const fail = (): never => {
      throw new Error("there was no dial")
    }
    const exit = VirtualTime.run(
      program.pipe(Effect.provide(Layer.provideMerge(negotiators, ports)), Logger.withMinimumLogLevel(LogLevel.None))
    )
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  })
})

describe("what is refused when it is built", () => {
  /** Builds one over fresh ports, or such; answers its error. */
  const refused = (
    wrong: SessionNegotiator.Options,
    ports: {
      readonly db?: (db: ClientDb.Service) => ClientDb.Service
      readonly keyRing?: KeyRing.Service
    } = {}
  ) => {
    const exit = VirtualTime.run(
      Effect.gen(function* () {
        const memory = yield* MemoryClientDb.make()
        const db = ports.db?.(memory) ?? memory
        const candidates = yield* Effect.provideService(RoundRobinTowerCandidates.make(), ClientDb, db)
        return yield* Effect.flip(
          Effect.scoped(SessionNegotiator.make(wrong)).pipe(
            Effect.provideService(ClientDb, db),
            Effect.provideService(KeyRing, ports.keyRing ?? FixedKeyRing.makeFake),
            Effect.provideService(TowerCandidates, candidates),
            Effect.provideService(TowerTransport, ScriptedTowerTransport.make(() => TowerScript.ok).service)
          )
        )
      }).pipe(Effect.scoped)
    )
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
    return exit.value
  }

  const { policy } = options as { readonly policy: Policy.Policy<SatPerKw> }
  const untouched = (db: ClientDb.Service): ClientDb.Service => ({
    ...db,
    bindIdentity: () => Effect.die(new Error("the database was touched"))
  })

  for (const [name, wrong] of [
    ["minBackoff of 0 (docs/negotiation.md, D20)", { minBackoff: 0 }],
    ["minBackoff above maxBackoff", { minBackoff: "10 minutes", maxBackoff: "5 minutes" }],
    ["a maxBackoff without end", { maxBackoff: Number.POSITIVE_INFINITY }],
    ["hedgeDelay of 0", { hedgeDelay: 0 }],
    ["visitTimeout of 0", { visitTimeout: 0 }],
    ["visitTimeout longer than a lease allows", { visitTimeout: "2 minutes" }],
    ["quarantineProbe of 0", { quarantineProbe: 0 }],
    ["maxHedged of 0", { maxHedged: 0 }],
    ["maxHedged of 1.5", { maxHedged: 1.5 }],
    ["maxKeyAttempts of 0", { maxKeyAttempts: 0 }],
    ["maxPending of 0", { maxPending: 0 }],
    ["maxPending that is no number", { maxPending: Number.NaN }]
  ] satisfies ReadonlyArray<readonly [string, Partial<SessionNegotiator.Options>]>) {
    it(`${name}: InvalidOptions, before the database is touched`, () => {
      const error = refused({ ...options, ...wrong } as SessionNegotiator.Options, { db: untouched })
      expect(error).toMatchObject({ _tag: "InvalidOptions" })
      const [field] = Object.keys(wrong)
      expect(error.message).toContain(field)
    })
  }

  for (const [reason, wrong] of [
    ["RewardOnAltruist", { rewardRate: 1 }],
    ["NoUpdates", { maxUpdates: 0 }],
    ["FeeRateTooLow", { sweepFeeRate: SatPerKw.make(999n) }],
    ["UnsupportedBlobType", { blobType: BlobType.BlobType.make(4) }],
    ["OutOfRange", { maxUpdates: 65_536 }]
  ] as const) {
    it(`a policy that no tower takes (docs/negotiation.md, D12): InvalidPolicy, ${reason}`, () => {
      const error = refused({ ...options, policy: { ...policy, ...wrong } } as SessionNegotiator.Options, {
        db: untouched
      })
      expect(error).toMatchObject({ _tag: "InvalidPolicy", reason })
    })
  }

  for (const [what, other] of [
    ["chain", { chainHash: Chain.bitcoinMainnet.chainHash }],
    ["key layout", { layout: "another" }],
    ["seed", { publicKey: towerKey(1) }]
  ] as const) {
    it(`the database of another ${what}: WrongDatabase`, () => {
      const db = (inner: ClientDb.Service): ClientDb.Service => ({
        ...inner,
        bindIdentity: (identity) =>
          Effect.andThen(inner.bindIdentity({ ...identity, ...other }), inner.bindIdentity(identity))
      })
      expect(refused(options, { db })).toMatchObject({ _tag: "WrongDatabase", what })
    })
  }

  it("a database or a key ring that cannot be read: its own error", () => {
    const failing = (method: "bindIdentity" | "loadStandings") => (db: ClientDb.Service) => ({
      ...db,
      [method]: () => Effect.fail(broken)
    })
    expect(refused(options, { db: failing("bindIdentity") })).toEqual(broken)
    expect(refused(options, { db: failing("loadStandings") })).toEqual(broken)
    const keyRing = { ...FixedKeyRing.makeFake, deriveKey: () => Effect.fail(brokenRing("deriveKey")) }
    expect(refused(options, { keyRing })).toEqual(brokenRing("deriveKey"))
  })
})
