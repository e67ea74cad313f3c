/** The counts of the service, from the events of a tower client. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Stream, TestClock } from "effect"
import * as History from "../../../src/layers/http/history.js"
import { ChannelId } from "../../../src/schema/Channel.js"
import { KeyIndex, PublicKey, SessionId, TowerId } from "../../../src/schema/Ids.js"
import { CommitHeight } from "../../../src/schema/RevokedState.js"
import { Happening, type TowerClientEvent, WindowTimeout } from "../../../src/schema/TowerClientEvent.js"
import { TowerClient } from "../../../src/services/TowerClient.js"

const minute = 60_000
const key = "02e3a49ca85475ef3c398274448996c452afd13010fd18142e8db008468ebc6a2e"
const session = {
  towerId: TowerId.make(1),
  tower: PublicKey.make(key),
  session: SessionId.make(key),
  keyIndex: KeyIndex.make(7)
}

/** The counts of a client that says what it is told to say; each event is counted when `says` returns. */
const counted = Effect.gen(function* () {
  const events = yield* Queue.unbounded<TowerClientEvent>()
  const client = Layer.mock(TowerClient, { events: Effect.succeed(Stream.fromQueue(events)), negotiators: [] })
  const context = yield* Layer.build(Layer.provide(History.layer, Layer.merge(client, History.counted)))
  const says = (at: number, happening: Happening) =>
    Effect.zipRight(Queue.offer(events, { number: 1, at, happening }), Effect.repeatN(Effect.yieldNow(), 20))
  return { says, history: Effect.provide(Effect.flatten(History.ServiceHistory), context) }
})

const acked = (first: number, last: number) => Happening.Acked({ ...session, first, last })

describe("the history", () => {
  it.scoped("has the updates of each minute, and no minute without anything", () =>
    Effect.gen(function* () {
      const { history, says } = yield* counted
      yield* says(5 * minute + 1, acked(1, 3))
      yield* says(6 * minute - 1, acked(4, 4))
      yield* says(
        6 * minute,
        Happening.StateIneligible({ channelId: ChannelId.make("ab".repeat(32)), commitHeight: CommitHeight.make(1) })
      )
      yield* says(8 * minute, acked(5, 6))
      assert.deepStrictEqual((yield* history).minutes, [
        { at: 5 * minute, sessions: 0, updates: 4, failures: 0 },
        { at: 8 * minute, sessions: 0, updates: 2, failures: 0 }
      ])
    })
  )

  it.scoped("counts on in the same minute where the clock went back", () =>
    Effect.gen(function* () {
      const { history, says } = yield* counted
      yield* says(9 * minute, acked(1, 1))
      yield* says(2 * minute, acked(2, 2))
      assert.deepStrictEqual((yield* history).minutes, [{ at: 9 * minute, sessions: 0, updates: 2, failures: 0 }])
    })
  )

  it.scoped("forgets what is a day old, and keeps the last failure of a tower", () =>
    Effect.gen(function* () {
      const { history, says } = yield* counted
      const failure = new WindowTimeout({ seqNum: 4 })
      yield* says(minute, Happening.ContactFailed({ ...session, failure, restsUntil: 2 * minute }))
      const lastFailures = [
        { towerId: session.towerId, at: minute, message: "The tower did not answer update 4 in time." }
      ]
      assert.deepStrictEqual(yield* history, {
        minutes: [{ at: minute, sessions: 0, updates: 0, failures: 1 }],
        lastFailures
      })
      yield* TestClock.setTime(minute + 24 * 60 * minute)
      assert.deepStrictEqual(yield* history, { minutes: [], lastFailures })
    })
  )
})
