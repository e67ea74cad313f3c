import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Schema } from "effect"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import { newClient, started } from "./wtclient.js"

const uri = (n: number) => `${publicKeyOf(n)}@127.0.0.1:1`

const Status = Schema.parseJson(Schema.Struct({ towers: Schema.Array(Schema.Struct({ state: Schema.String })) }))
const states = (line: string) => Schema.decodeUnknownSync(Status)(line).towers.map(({ state }) => state)

describe("wtclient watch", () => {
  it.scopedLive("prints the status, and then what happens, a line each", () =>
    Effect.gen(function* () {
      const { flags, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri(1))
      const printed = yield* started(["watch", ...flags])
      assert.match(yield* Queue.take(printed), /^bitcoin regtest; .*\n.*\nTower 1, .*\n {2}can be asked\n/s)
      yield* wtclient("negotiate")
      const failed = yield* Queue.take(printed)
      assert.match(failed, /^20\S+Z tower 1: it could not be connected to: 1 time$/m)
      assert.match(failed, /^20\S+Z tower 1: stands behind the others until 20\S+Z \(in \d+s/m)
      yield* wtclient("add", uri(2))
      assert.match(yield* Queue.take(printed), /^20\S+Z tower 2: was added, at 127\.0\.0\.1:1$/)
      yield* wtclient("remove", publicKeyOf(1))
      assert.match(yield* Queue.take(printed), /^20\S+Z tower 1: was removed$/m)
    })
  )

  it.scopedLive("prints a status for programs whenever something has changed", () =>
    Effect.gen(function* () {
      const { flags, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri(1))
      const printed = yield* started(["watch", "--json", ...flags])
      assert.deepStrictEqual(states(yield* Queue.take(printed)), ["CanBeAsked"])
      yield* wtclient("negotiate")
      assert.deepStrictEqual(states(yield* Queue.take(printed)), ["Rests"])
    })
  )

  it.scoped("ends where there is no database", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      const { code, stderr } = yield* wtclient("watch")
      assert.match(stderr, /^wtclient: There is no database /)
      assert.strictEqual(code, 1)
    })
  )
})
