/** Sessions go to their takers in the order in which they came, also when a taker leaves one behind. */
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FiberId } from "effect"
import * as Handover from "../../../src/layers/negotiator/handover.js"
import * as Journal from "../../../src/layers/negotiator/journal.js"
import { decode } from "../../../src/layers/negotiator/Options.js"
import * as Rules from "../../../src/layers/negotiator/Rules.js"
import { fakeKeyOf } from "../../../src/layers/testing/FixedKeyRing.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { ClientSession } from "../../../src/schema/ClientSession.js"
import { HexBytes, KeyIndex, SessionId, TowerId } from "../../../src/schema/Ids.js"
import { good } from "./scenes.js"
import { options, run, second, towerKey } from "./world.js"

const sessionOf = (index: number) =>
  new ClientSession({
    id: SessionId.make(fakeKeyOf({ family: 8, index })),
    towerId: TowerId.make(1),
    towerPublicKey: towerKey(1),
    keyIndex: KeyIndex.make(index),
    policy: options.policy,
    rewardPkScript: HexBytes.make(""),
    seqNum: 0,
    towerLastApplied: 0,
    status: "active",
    createdAt: 0
  })

const [one, two, three] = [sessionOf(1), sessionOf(2), sessionOf(3)]

const handing = <A>(program: (handover: Handover.Handover) => Effect.Effect<A, unknown>): Exit.Exit<A, unknown> =>
  VirtualTime.run(
    Effect.suspend(() =>
      program(
        Handover.make(
          Rules.defaults,
          decode(options),
          Journal.make(() => 0)
        )
      )
    )
  )

it("those that wait go to the next takers, first come first", () => {
  const taken = handing((handover) => {
    for (const session of [one, two, three]) handover.offer(session)
    return Effect.all([handover.take("take"), handover.take("next"), handover.take("take")])
  })
  expect(taken).toEqual(Exit.succeed([one, two, three]))
})

it("one that is left behind comes before those that came later", () => {
  const taken = handing((handover) =>
    Effect.gen(function* () {
      const first = yield* Effect.fork(handover.take("next"))
      yield* Effect.yieldNow()
      handover.offer(one)
      first.unsafeInterruptAsFork(FiberId.none)
      handover.offer(two)
      yield* Fiber.await(first)
      return [yield* handover.take("take"), yield* handover.take("take")]
    })
  )
  expect(taken).toEqual(Exit.succeed([one, two]))
})

it("the loop is not idle while a session waits for its taker", () => {
  run({ towers: [good(50)] }, (world) =>
    Effect.gen(function* () {
      yield* world.negotiator.requestSession
      yield* Effect.sleep(second)
      const told = world.events.map(({ happening }) => happening._tag)
      expect(told.slice(told.indexOf("Delivering"))).toEqual(["Delivering"])
      yield* world.negotiator.takeSession
      yield* Effect.sleep(0)
      expect(world.events.at(-1)?.happening._tag).toBe("Idle")
    })
  )
})
