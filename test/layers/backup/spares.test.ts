/** Unused sessions that a tower client keeps (`spare`), in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, HashMap } from "effect"
import * as Options from "../../../src/layers/backup/Options.js"
import * as BlobType from "../../../src/schema/BlobType.js"
import { CommitHeight } from "../../../src/schema/RevokedState.js"
import { regtest, towerKey } from "../negotiator/world.js"
import { channelId, handAll, minute, type Process, run, second, type World } from "./worlds/world.js"

/** The key indexes of the stored sessions of which no number was given out, by blob type. */
const unused = ({ clientDb }: World) =>
  Effect.map(Effect.orDie(clientDb.listClientSessions({ status: "active" })), (sessions) => {
    const of = (blobType: BlobType.BlobType) =>
      sessions.filter(({ policy, seqNum }) => policy.blobType === blobType && seqNum === 0).length
    return { anchor: of(BlobType.altruistAnchorCommit), taproot: of(BlobType.altruistTaprootCommit) }
  })

const pending = ({ client: { negotiators } }: Process) =>
  Effect.map(Effect.all(negotiators.map(({ status }) => status)), (all) =>
    all.reduce((sum, { pending }) => sum + pending, 0)
  )

describe("spare sessions", () => {
  it("are got before any state is there, of each blob type, and no more of them", () => {
    run({ towers: [{}], options: { spare: 2 } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* Effect.sleep(minute)
        assert.deepStrictEqual(yield* unused(world), { anchor: 2, taproot: 2 })
        assert.strictEqual(yield* pending(process), 0)
        yield* process.close
      })
    )
  })

  it("are kept of the blob types that are named", () => {
    run({ towers: [{}], options: { spare: 3, spareBlobTypes: [BlobType.altruistTaprootCommit] } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* Effect.sleep(minute)
        assert.deepStrictEqual(yield* unused(world), { anchor: 0, taproot: 3 })
        yield* process.close
      })
    )
  })

  it("take the states that come, and are replaced when they are in use", () => {
    run({ towers: [{}], options: { spare: 1 } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* Effect.sleep(minute)
        const before = HashMap.size(world.towers[0]?.sessions ?? HashMap.empty())
        yield* handAll(process, 1, 3)
        yield* Effect.orDie(process.client.awaitBackup(channelId(), CommitHeight.make(3)))
        const wanted = world.events.filter(({ happening }) => happening._tag === "SessionWanted").length
        yield* Effect.sleep(10 * second)
        assert.deepStrictEqual(yield* unused(world), { anchor: 1, taproot: 1 })
        assert.strictEqual(HashMap.size(world.towers[0]?.sessions ?? HashMap.empty()), before + 1)
        assert.isAtLeast(wanted, 1)
        yield* process.close
      })
    )
  })

  it("are got when a tower is added later, and none is asked for while there is no tower", () => {
    run({ towers: [{}], options: { spare: 1 } }, (world) =>
      Effect.gen(function* () {
        const tower = yield* Effect.orDie(world.clientDb.deactivateTower(towerKey(1)))
        const process = yield* world.start
        yield* Effect.sleep(minute)
        assert.deepStrictEqual([yield* unused(world), yield* pending(process)], [{ anchor: 0, taproot: 0 }, 0])
        for (const address of tower.addresses) yield* Effect.orDie(process.candidates.add(towerKey(1), address))
        yield* Effect.sleep(minute)
        assert.deepStrictEqual(yield* unused(world), { anchor: 1, taproot: 1 })
        yield* process.close
      })
    )
  })

  it("do not delay a state that waits behind a tower that is silent", () => {
    run({ towers: [{ dial: "silent" }, {}], options: { spare: 4, copies: 1 } }, (world) =>
      Effect.gen(function* () {
        const process = yield* world.start
        yield* handAll(process, 1, 1)
        yield* Effect.sleep(5 * second)
        assert.deepStrictEqual(world.holders(1), [2])
        yield* process.close
      })
    )
  })

  it("refuse a blob type that no policy has", () => {
    const options = { chain: regtest, spare: 1, spareBlobTypes: [BlobType.rewardCommit] }
    const message = Effect.runSync(Effect.flip(Options.validate(options))).message
    assert.include(message, "spareBlobTypes takes blob types of policies, and no policy is of type reward.")
  })
})
