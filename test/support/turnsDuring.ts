import { Effect } from "effect"

/** How often the event loop comes round while an effect runs. */
export const turnsDuring = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let turns = 0
    let isOver = false
    const turn = () => {
      turns += 1
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    yield* Effect.ensuring(
      effect,
      Effect.sync(() => {
        isOver = true
      })
    )
    return turns
  })
