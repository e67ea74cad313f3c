/**
 * Our client over real TCP: everything a negotiator stands on, and a way to talk to a tower below it.
 */
import { Effect } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as NodeSocketDialer from "../../../src/layers/NodeSocketDialer.js"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as BlobType from "../../../src/schema/BlobType.js"
import type * as Chain from "../../../src/schema/Chain.js"
import type { FeeRate } from "../../../src/schema/FeeRate.js"
import { KeyIndex, type PublicKey } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import type { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { CreateSession } from "../../../src/schema/wire/CreateSession.js"
import { Init } from "../../../src/schema/wire/Init.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../../../src/services/KeyRing.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"

/** Whom to dial. */
export interface Target {
  readonly publicKey: PublicKey
  readonly address: TowerAddress
}

const isBitcoin = (chain: Chain.AnyChain): chain is Chain.BitcoinChain => chain.name === "bitcoin"

/** Fields of a policy; the fee rate in the unit of the chain. */
export type Fields = Partial<Omit<Policy.Policy, "sweepFeeRate">> & { readonly sweepFeeRate?: bigint }

const propose = <Fee extends FeeRate>(chain: Chain.Chain<Fee>, { sweepFeeRate, ...fields }: Fields) => ({
  chain,
  policy: {
    // What the recorded conversations were about.
    ...Policy.defaults(chain, BlobType.altruistCommit),
    ...fields,
    ...(sweepFeeRate === undefined ? {} : { sweepFeeRate: chain.feeRate(sweepFeeRate) })
  }
})

/** What the daemons of this chain propose, but for some fields: chain and policy, in one unit. */
export const proposal = (chain: Chain.AnyChain, fields: Fields = {}): SessionNegotiator.Options =>
  isBitcoin(chain) ? propose(chain, fields) : propose(chain, fields)

export interface Options extends BrontideTowerTransport.Options {
  readonly db?: ClientDb.Service
  readonly dialer?: SocketDialer.Service
}

/** A client of its own. Its session keys are those of `FixedKeyRing`, so that two clients can have the same. */
export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const db = options.db ?? (yield* MemoryClientDb.make())
    const transport = yield* BrontideTowerTransport.make(options).pipe(
      Effect.provideService(SocketDialer, options.dialer ?? NodeSocketDialer.make)
    )
    const candidates = yield* RoundRobinTowerCandidates.make().pipe(Effect.provideService(ClientDb, db))
    return {
      db,
      candidates,
      transport,
      add: (tower: Target) => candidates.add(tower.publicKey, tower.address),
      /** A negotiator; key indexes of a new database start at 1. */
      negotiator: (options: SessionNegotiator.Options) =>
        SessionNegotiator.make({ firstKeyIndex: KeyIndex.make(1), ...options }).pipe(
          Effect.provideService(ClientDb, db),
          Effect.provideService(KeyRing, FixedKeyRing.make),
          Effect.provideService(TowerCandidates, candidates),
          Effect.provideService(TowerTransport, transport)
        )
    }
  })

/** The session key of an index, as a connection wants it. */
const sessionKey = (index: number) => ({
  publicKey: FixedKeyRing.publicKeyOf(index),
  ecdh: (point: PublicKey) => FixedKeyRing.make.ecdh({ family: familyTowerSession, index }, point)
})

/** Connects with the session key of an index. */
export const connect = (tower: Target, keyIndex: number, dialer: SocketDialer.Service = NodeSocketDialer.make) =>
  Effect.gen(function* () {
    const transport = yield* BrontideTowerTransport.make().pipe(Effect.provideService(SocketDialer, dialer))
    return yield* transport.connect({
      tower: tower.publicKey,
      address: tower.address,
      ...sessionKey(keyIndex),
      onProgress: () => Effect.void
    })
  })

/** What is said below the negotiator: its checks do not apply. */
export interface Words {
  readonly keyIndex: number
  readonly chain: Chain.AnyChain
  readonly features?: ReadonlyArray<number>
  readonly request: Omit<CreateSession, "_tag" | "toJSON">
}

/** A whole conversation: the tower's Init and its reply, and the tower has hung up. */
export const converse = (tower: Target, words: Words) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* connect(tower, words.keyIndex)
      const { chainHash } = words.chain
      yield* connection.send(new Init({ features: [...(words.features ?? [0])], chainHash }))
      const init = yield* connection.receive
      yield* connection.send(new CreateSession(words.request))
      const reply = yield* connection.receive
      yield* connection.closed
      return { init, reply }
    })
  )
