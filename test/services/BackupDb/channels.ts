import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Channel } from "../../../src/schema/Channel.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import { BackupDb } from "../../../src/services/BackupDb.js"
import { scene, type Test } from "./contract.js"
import { backup, channel, channelId, height } from "./samples.js"

export const channelsCases = (test: Test) => {
  test(
    "a channel that is registered again with the same data stays as it is",
    Effect.gen(function* () {
      const db = yield* BackupDb
      yield* db.registerChannel(channel(1))
      yield* db.registerChannel(channel(1))
      assert.deepStrictEqual(yield* db.loadChannel(channelId(1)), { channel: channel(1), isClosed: false })
      assert.strictEqual((yield* db.listChannels()).length, 1)
    })
  )

  test(
    "a channel that is registered with other data fails by the field, and stays",
    Effect.gen(function* () {
      const db = yield* BackupDb
      yield* db.registerChannel(channel(1))
      const changes = [{ type: "taproot" }, { sweepPkScript: HexBytes.make("51") }] as const
      const errors = yield* Effect.forEach(changes, (change) =>
        Effect.flip(db.registerChannel(new Channel({ ...channel(1), ...change })))
      )
      assert.deepStrictEqual(
        errors.map((error) => (error._tag === "ChannelMismatch" ? error.field : error._tag)),
        ["type", "sweepPkScript"]
      )
      assert.deepStrictEqual((yield* db.loadChannel(channelId(1))).channel, channel(1))
    })
  )

  test(
    "a closed channel takes no states, and what is kept of it is sent",
    Effect.gen(function* () {
      const { db, first, hand, window } = yield* scene
      yield* hand([1])
      yield* db.closeChannel(channelId(1))
      yield* db.closeChannel(channelId(1))
      const errors = [
        yield* Effect.flip(db.registerChannel(channel(1))),
        yield* Effect.flip(db.addBackup(backup(1, 2))),
        yield* Effect.flip(db.addIneligible(channelId(1), height(2)))
      ]
      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["ChannelClosed", "ChannelClosed", "ChannelClosed"]
      )
      assert.isTrue((yield* db.loadChannel(channelId(1))).isClosed)
      assert.strictEqual((yield* window(first)).length, 1)
    })
  )

  test(
    "a channel that is not registered is said to be unknown",
    Effect.gen(function* () {
      const db = yield* BackupDb
      const errors = yield* Effect.all(
        [
          db.closeChannel(channelId(1)),
          db.loadChannel(channelId(1)),
          db.summarize(channelId(1)),
          db.addBackup(backup(1, 1)),
          db.addIneligible(channelId(1), height(1))
        ].map((effect) => Effect.flip<unknown, { readonly _tag: string }, never>(effect))
      )
      assert.deepStrictEqual([...new Set(errors.map(({ _tag }) => _tag))], ["ChannelNotRegistered"])
      assert.deepStrictEqual(yield* db.findState(channelId(1), height(1)), { _tag: "Unknown" } as never)
      const none = { isHandedIn: false, missing: 0, lost: 0 }
      assert.deepStrictEqual(yield* db.progress(channelId(1), height(1)), none)
    })
  )

  test(
    "channels are listed by their ids, a page at a time",
    Effect.gen(function* () {
      const db = yield* BackupDb
      for (const n of [5, 1, 0xab, 3, 0x1f]) yield* db.registerChannel(channel(n))
      const ids = Effect.map((found: ReadonlyArray<{ readonly channel: Channel }>) =>
        found.map((row) => Number.parseInt(row.channel.id, 16))
      )
      assert.deepStrictEqual(yield* ids(db.listChannels()), [1, 3, 5, 0x1f, 0xab])
      assert.deepStrictEqual(yield* ids(db.listChannels({ limit: 2 })), [1, 3])
      assert.deepStrictEqual(yield* ids(db.listChannels({ after: channelId(3), limit: 2 })), [5, 0x1f])
      assert.deepStrictEqual(yield* ids(db.listChannels({ after: channelId(0xab) })), [])
    })
  )
}
