/** From the decoded accepting reply, which takes the claim, to the stored session nothing cuts (docs/negotiation.md, An attempt). */
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FiberId, FiberSet, Option } from "effect"
import * as Book from "../../../src/layers/negotiator/book.js"
import * as Condition from "../../../src/layers/negotiator/condition.js"
import type { Environment } from "../../../src/layers/negotiator/environment.js"
import * as Handover from "../../../src/layers/negotiator/handover.js"
import * as Journal from "../../../src/layers/negotiator/journal.js"
import { negotiate } from "../../../src/layers/negotiator/negotiate.js"
import { decode } from "../../../src/layers/negotiator/Options.js"
import * as Rules from "../../../src/layers/negotiator/Rules.js"
import * as Race from "../../../src/layers/negotiator/race.js"
import type { RoundEnd } from "../../../src/layers/negotiator/round.js"
import * as Unreleased from "../../../src/layers/negotiator/unreleased.js"
import { type VisitEnd, visit } from "../../../src/layers/negotiator/visit.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { KeyIndex } from "../../../src/schema/Ids.js"
import { CreateSession } from "../../../src/schema/wire/CreateSession.js"
import { Init } from "../../../src/schema/wire/Init.js"
import { addressOf, options, towerKey } from "./world.js"

/** What a visit stands on, with one good tower. */
const environment = Effect.gen(function* () {
  const settings = decode(options)
  const { chainHash } = settings.chain
  const db = yield* MemoryClientDb.make({ firstKeyIndex: KeyIndex.make(1) })
  const tower = yield* Effect.orDie(db.createTower(towerKey(1), addressOf(1)))
  const clock = yield* Effect.clock
  const pulse = Condition.make()
  const env: Environment = {
    name: "test",
    settings,
    init: new Init({ features: [], chainHash }),
    createSession: new CreateSession(settings.policy),
    rules: Rules.defaults,
    db,
    keyRing: FixedKeyRing.makeFake,
    transport: ScriptedTowerTransport.make(() => TowerScript.ok).service,
    book: Book.make(db, settings, pulse, 0),
    journal: Journal.make(() => clock.unsafeCurrentTimeMillis()),
    pick: (visited) => Effect.succeed(visited.size === 0 ? Option.some(tower) : Option.none()),
    candidates: {
      list: Effect.succeed([tower]),
      additions: () => 0,
      isRemoved: () => false,
      isAdded: () => false
    },
    unreleased: Unreleased.make(),
    pulse
  }
  return { db, env, tower }
})

/** One visit by itself; what is done in the step in which it takes the claim, or finds it taken. */
const visitAlone = (atClaim: (fiber: Fiber.RuntimeFiber<VisitEnd>) => void) =>
  Effect.gen(function* () {
    const { db, env, tower } = yield* environment
    const race = Race.make(env.pulse.signal)
    let fiber: Fiber.RuntimeFiber<VisitEnd> | undefined
    const claim: Race.Race["claim"] = (...all) => {
      const isMine = race.claim(...all)
      if (fiber !== undefined) atClaim(fiber)
      return isMine
    }
    // Uninterruptible from its root on, as a round starts it.
    fiber = yield* Effect.uninterruptible(Effect.fork(visit(env, { ...race, claim }, tower)))
    const exit = yield* Fiber.await(fiber)
    return { exit, stored: yield* Effect.orDie(db.listClientSessions()) }
  })

it("a visit that is interrupted in the very step in which it takes the claim stores its session", () => {
  const { exit, stored } = Exit.getOrElse(
    VirtualTime.run(visitAlone((fiber) => fiber.unsafeInterruptAsFork(FiberId.none))),
    (cause) => {
      throw cause
    }
  )
  expect(stored.length).toBe(1)
  expect(exit).toMatchObject({ _tag: "Success", value: { _tag: "Stored", session: { id: stored[0]?.id } } })
})

it("and so it does at whatever turn it is interrupted afterwards", () => {
  for (let seed = 0; seed < 200; seed++) {
    let turns = seed % 20
    const later = (fiber: Fiber.RuntimeFiber<VisitEnd>): Effect.Effect<void> =>
      Effect.suspend(() =>
        turns-- > 0
          ? Effect.andThen(Effect.yieldNow(), later(fiber))
          : Effect.sync(() => fiber.unsafeInterruptAsFork(FiberId.none))
      )
    const time = VirtualTime.make({ seed, yieldEvery: 30 })
    const exit = time.run(visitAlone((fiber) => void time.fork(later(fiber))))
    expect(Exit.isSuccess(exit) && exit.value.stored.length).toBe(1)
  }
})

it("a caller of negotiate that is gone when the round hands it its session leaves that to the next taker", () => {
  const exit = VirtualTime.run(
    Effect.scoped(
      Effect.gen(function* () {
        const { env } = yield* environment
        const handover = Handover.make(Rules.defaults, env.settings, env.journal)
        let caller: Fiber.RuntimeFiber<unknown, unknown> | undefined
        // It is interrupted in the step in which it looks for the session.
        const handing = ({ session, ...rest }: RoundEnd): RoundEnd => ({
          ...rest,
          get session() {
            caller?.unsafeInterruptAsFork(FiberId.none)
            return session
          }
        })
        const fibers = yield* FiberSet.make<unknown>()
        caller = yield* Effect.fork(negotiate(env, handover, fibers, (round) => Effect.map(round.run, handing)))
        const end = yield* Fiber.await(caller)
        return { isInterrupted: Exit.isInterrupted(end), session: yield* handover.take("take") }
      })
    )
  )
  expect(exit).toMatchObject({ _tag: "Success", value: { isInterrupted: true, session: { keyIndex: 1 } } })
})
