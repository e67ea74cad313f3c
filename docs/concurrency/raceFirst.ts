/** `Effect.raceFirst` never returns if its caller is interrupted between making the two fibers and starting them. */
import { Effect, Fiber, Scheduler } from "effect"

/** Fibers yield often, by chance; with the default scheduler they yield at every 2,048th operation. */
class Yielding implements Scheduler.Scheduler {
  private readonly inner = new Scheduler.MixedScheduler(2048)
  private left = 16
  private chance: number
  constructor(seed: number) {
    this.chance = seed
  }
  scheduleTask(task: Scheduler.Task, priority: number) {
    this.inner.scheduleTask(task, priority)
  }
  shouldYield(): number | false {
    if (--this.left > 0) return false
    this.chance = (this.chance * 48_271) % 2_147_483_647
    this.left = 16 + (this.chance % 16)
    return 0
  }
}

const milliseconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count))

/** How many of 1,500 races go on after they were interrupted. */
export const count = async (): Promise<number> => {
  let found = 0
  for (let seed = 1; seed <= 1500; seed++) {
    let racing: Fiber.RuntimeFiber<void> | undefined
    const program = Effect.gen(function* () {
      yield* Effect.replicateEffect(Effect.void, seed % 37)
      racing = yield* Effect.forkDaemon(
        Effect.raceFirst(
          Effect.async<void>(() => {}),
          Effect.sleep("1 second")
        )
      )
      yield* Effect.replicateEffect(Effect.yieldNow(), seed % 12)
      yield* Fiber.interrupt(racing)
    })
    Effect.runFork(program, { scheduler: new Yielding(seed) })
    await milliseconds(1)
    if (racing?.unsafePoll() === null) found += 1
  }
  return found
}

console.log(`${await count()} of 1500 races go on after they were interrupted`)
