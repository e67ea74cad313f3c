/**
 * What the lookouts of real towers make of updates, good and damaged; our loopback tower has to make the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, FastCheck, Redacted } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as Blob from "../../src/internal/justice/blob.js"
import { nobleJusticeCurve } from "../../src/internal/justice/nobleJusticeCurve.js"
import { justiceChainOf } from "../../src/layers/backup/agreement.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import type * as Chain from "../../src/schema/Chain.js"
import { HexBytes } from "../../src/schema/Ids.js"
import * as Codec from "../../src/schema/wire/Codec.js"
import { CreateSession } from "../../src/schema/wire/CreateSession.js"
import { Init } from "../../src/schema/wire/Init.js"
import { StateUpdate } from "../../src/schema/wire/StateUpdate.js"
import type { TowerTransport } from "../../src/services/TowerTransport.js"
import { files } from "../layers/tower/towerVectors.js"
import * as Client from "./support/client.js"
import { note } from "./support/matrix.js"
import * as Tower from "./support/tower.js"

type Vector = (typeof files)[number]["unpunishable"][number]

/** The update that a Go client made. */
const updateOf = (vector: Vector): StateUpdate => {
  const message = Either.getOrThrow(Codec.decode(fromHex(vector.stateUpdate)))
  return message._tag === "StateUpdate" ? message : assert.fail(message._tag)
}

/** The update again, with a kit in which the bit of this number is another one. */
const withOtherKit = (chain: Chain.Chain, vector: Vector, bit: number): StateUpdate => {
  const update = updateOf(vector)
  const justiceChain = justiceChainOf(nobleJusticeCurve, chain)
  const { txid } = Either.getOrThrow(justiceChain.readTransaction(fromHex(vector.breachTx.raw)))
  const kit = Either.getOrThrow(Blob.open(justiceChain, txid, fromHex(update.encryptedBlob)))
  const at = (bit >> 3) % kit.length
  const other = kit.map((byte, index) => (index === at ? byte ^ (1 << (bit & 7)) : byte))
  const blob = Blob.seal(justiceChain, txid, new Uint8Array(Blob.nonceLength), other)
  return new StateUpdate({ ...update, encryptedBlob: HexBytes.make(toHex(blob)) })
}

const begin = (tower: Client.Target, chain: Chain.Chain, keyIndex: number) =>
  Effect.gen(function* () {
    const connection = yield* Client.connect(tower, keyIndex)
    yield* connection.send(new Init({ features: [0], chainHash: chain.chainHash }))
    yield* connection.receive
    return connection
  })

const ask = (connection: TowerTransport.Connection, message: CreateSession | StateUpdate) =>
  Effect.gen(function* () {
    yield* connection.send(message)
    const reply = yield* connection.receive
    assert.include(reply, { code: 0 })
  })

/** Gets the session of a vector, and a connection for its updates. */
const open = (tower: Client.Target, chain: Chain.Chain, keyIndex: number, { policy }: Vector) =>
  Effect.gen(function* () {
    yield* Effect.scoped(
      Effect.gen(function* () {
        const connection = yield* begin(tower, chain, keyIndex)
        yield* ask(connection, new CreateSession({ ...policy, sweepFeeRate: BigInt(policy.sweepFeeRate) }))
        yield* connection.closed
      })
    )
    return yield* begin(tower, chain, keyIndex)
  })

const damages = 16

describe.each(Tower.binaries)("%s, and our loopback tower", (binary) => {
  const { accepts, chain } = Tower.kinds[binary]
  const file = files.find((one) => one.chain.name === chain.name)
  const vectors = [...(file?.cases ?? []), ...(file?.unpunishable ?? [])].filter((vector) =>
    accepts.includes(vector.policy.blobType)
  )

  it.scopedLive("make the same transactions of updates, and of the same ones none", (context) =>
    Effect.gen(function* () {
      const real = yield* Tower.start(binary)
      const loopback = yield* NodeLoopbackTower.make({
        chain,
        secretKey: Redacted.make(FixedKeyRing.secretOf(1_000_000))
      })
      const counts = { punished: 0, useless: 0 }
      for (const [index, vector] of vectors.entries()) {
        const keyIndex = index + 1
        const transaction = vector.breachTx.raw
        const bits = FastCheck.sample(FastCheck.nat(), { numRuns: damages, seed: 20_261_128 + index })
        const updates = [updateOf(vector), ...bits.map((bit) => withOtherKit(chain, vector, bit))]
        yield* Effect.scoped(
          Effect.gen(function* () {
            const connections = [
              yield* open(real, chain, keyIndex, vector),
              yield* open(loopback.uri, chain, keyIndex, vector)
            ]
            for (const [at, update] of updates.entries()) {
              // The hint is the same in all: each takes the place of the one before.
              const next = new StateUpdate({ ...update, seqNum: at + 1, lastApplied: at, isComplete: 0 })
              yield* Effect.forEach(connections, (connection) => ask(connection, next))
              const theirs = yield* real.breach(transaction)
              const ours = yield* Effect.either(loopback.breach(transaction))
              assert.deepStrictEqual(
                Either.match(ours, {
                  onLeft: () => [],
                  onRight: (found) => found.map(({ seqNum, transaction }) => ({ seqNum, transaction }))
                }),
                theirs.flatMap(({ seqNum, transaction }) =>
                  transaction === undefined ? [] : [{ seqNum, transaction }]
                ),
                `${vector.name}, update ${at + 1}: ${JSON.stringify(theirs)} ${Either.isLeft(ours) ? ours.left.message : ""}`
              )
              if (Either.isRight(ours)) counts.punished += 1
              else counts.useless += 1
            }
          })
        )
      }
      assert.isAtLeast(counts.punished, vectors.length - (file?.unpunishable.length ?? 0))
      assert.isAtLeast(counts.useless, vectors.length)
      const outcome = `${counts.punished} transactions, equal byte for byte; ${counts.useless} times none`
      note(
        context,
        real.version,
        accepts.join(" "),
        `the lookout, with ${vectors.length} backups, good and damaged`,
        outcome
      )
    })
  )
})
