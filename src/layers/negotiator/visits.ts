/**
 * The visits of one round, as fibers: started, counted, interrupted. A visit's end is seen however it comes about.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { TowerId } from "../../schema/Ids.js"
import type { Tower } from "../../schema/Tower.js"
import type { Environment } from "./environment.js"
import type { Race } from "./race.js"
import { type VisitEnd, visit } from "./visit.js"

/** @since 0.1.0 @category models */
export interface Visits {
  readonly start: (tower: Tower) => Effect.Effect<void>
  readonly running: () => number
  /** Are there visits whose end was not asked for yet? */
  readonly hasEnded: () => boolean
  /** Their ends; each is answered once. A defect of a visit is one of the round. */
  readonly ends: () => ReadonlyArray<Effect.Effect<VisitEnd>>
  /** They all end at the same time. */
  readonly interruptAllBut: (claimant: TowerId | undefined) => Effect.Effect<void>
}

/** Visits of one round. @since 0.1.0 @category constructors */
export const make = (env: Environment, race: Race): Visits => {
  const running = new Map<TowerId, Fiber.RuntimeFiber<VisitEnd>>()
  const ended: Array<Exit.Exit<VisitEnd>> = []
  return {
    start: (tower) =>
      // Uninterruptible from its root on: a visit interrupts its conversations itself and always comes to an end of its own.
      Effect.uninterruptible(
        Effect.map(Effect.fork(visit(env, race, tower)), (fiber) => {
          running.set(tower.id, fiber)
          fiber.addObserver((exit) => {
            running.delete(tower.id)
            ended.push(exit)
            env.pulse.signal()
          })
        })
      ),
    running: () => running.size,
    hasEnded: () => ended.length > 0,
    ends: () => ended.splice(0),
    interruptAllBut: (claimant) =>
      Fiber.interruptAll([...running].flatMap(([tower, fiber]) => (tower === claimant ? [] : [fiber])))
  }
}
