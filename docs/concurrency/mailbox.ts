/** `Mailbox.take` looks, then registers: what is offered between the two, when its fiber yields there, wakes no taker. */
import { Effect, type Fiber, Mailbox, Scheduler } from "effect"

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

/** How many of 1,500 takers never wake up although there is an item. */
export const count = async (): Promise<number> => {
  let found = 0
  for (let seed = 1; seed <= 1500; seed++) {
    let taking: Fiber.RuntimeFiber<unknown, unknown> | undefined
    const program = Effect.gen(function* () {
      yield* Effect.replicateEffect(Effect.void, seed % 37)
      const mailbox = yield* Mailbox.make<number>()
      taking = yield* Effect.forkDaemon(mailbox.take)
      yield* Effect.replicateEffect(Effect.yieldNow(), seed % 12)
      mailbox.unsafeOffer(1)
    })
    Effect.runFork(program, { scheduler: new Yielding(seed) })
    await milliseconds(1)
    if (taking?.unsafePoll() === null) found += 1
  }
  return found
}

console.log(`${await count()} of 1500 takers never wake up although there is an item`)
