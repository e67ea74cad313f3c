/** A world in virtual time that counts what the fibers of one program cost, while a tower that is not counted answers them. */
import { Effect, type Scheduler } from "effect"
import * as SocketPair from "../../src/layers/testing/SocketPair.js"
import * as VirtualTime from "../../src/layers/testing/VirtualTime.js"
import type * as LoopbackTower from "../../src/layers/tower/LoopbackTower.js"
import type { SocketDialer } from "../../src/services/SocketDialer.js"

/** Operations of Effect, turns that a fiber takes, and writes to the socket, since the world began. */
export interface Counts {
  readonly operations: number
  readonly turns: number
  readonly writes: number
}

export const make = () => {
  const time = VirtualTime.make()
  const counts = { operations: 0, turns: 0, writes: 0 }
  const scheduler: Scheduler.Scheduler = {
    shouldYield: (fiber) => {
      counts.operations += 1
      return time.scheduler.shouldYield(fiber)
    },
    scheduleTask: (task, priority) => {
      counts.turns += 1
      time.scheduler.scheduleTask(task, priority)
    }
  }
  const dialer = (tower: LoopbackTower.LoopbackTower): SocketDialer.Service => ({
    route: "clear",
    dial: () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* SocketPair.make()
        // Outside of the client's fibers: it inherits neither scheduler nor supervisor.
        time.fork(tower.serve(theirs))
        yield* Effect.addFinalizer(() => ours.close)
        return {
          ...ours,
          write: (bytes, onWritten) => {
            counts.writes += 1
            ours.write(bytes, onWritten)
          }
        }
      })
  })
  return {
    dialer,
    counts: (): Counts => ({ ...counts }),
    run: <A, E>(program: Effect.Effect<A, E>) => time.run(Effect.withScheduler(program, scheduler))
  }
}
