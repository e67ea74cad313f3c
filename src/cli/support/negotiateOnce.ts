/**
 * One round of a negotiator, printed line by line.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { NegotiationError } from "../../schema/NegotiationError.js"
import type { SessionNegotiator } from "../../services/SessionNegotiator.js"
import { eventLine } from "./eventLine.js"
import { doing } from "./progress.js"

/**
 * Negotiates once, and prints a line for each step; `what` is asked for, for those who see the progress. All lines are printed
 * when this ends. Why an attempt failed is printed where there is a session in the end: otherwise the failure of the round says it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const negotiateOnce = (
  negotiator: SessionNegotiator.Service,
  what: string,
  print: (line: string) => Effect.Effect<void>
): Effect.Effect<ClientSession, NegotiationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const events = yield* negotiator.events
      const failures: Array<string> = []
      const printing = yield* events.pipe(
        Stream.takeUntil((event) => event.happening._tag === "RoundEnded"),
        Stream.runForEach((event) => {
          const line = eventLine(event)
          if (line === undefined) return Effect.void
          const progress = doing(`${what}; ${line}`)
          if (event.happening._tag !== "AttemptFailed") return Effect.zipRight(print(line), progress)
          failures.push(line)
          return progress
        }),
        Effect.forkScoped
      )
      yield* doing(what)
      const exit = yield* Effect.exit(negotiator.negotiate)
      if (Exit.isSuccess(exit) || exit.cause._tag === "Fail") yield* Fiber.join(printing)
      yield* doing(undefined)
      if (Exit.isSuccess(exit)) yield* Effect.forEach(failures, print)
      return yield* exit
    })
  )
