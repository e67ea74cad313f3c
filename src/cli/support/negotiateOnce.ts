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

/** Negotiates once, and prints a line for each step. All lines are printed when this ends. @since 0.1.0 @category combinators */
export const negotiateOnce = (
  negotiator: SessionNegotiator.Service,
  print: (line: string) => Effect.Effect<void>
): Effect.Effect<ClientSession, NegotiationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const events = yield* negotiator.events
      const printing = yield* events.pipe(
        Stream.takeUntil((event) => event.happening._tag === "RoundEnded"),
        Stream.map(eventLine),
        Stream.filter((text) => text !== undefined),
        Stream.runForEach(print),
        Effect.forkScoped
      )
      const exit = yield* Effect.exit(negotiator.negotiate)
      if (Exit.isSuccess(exit) || exit.cause._tag === "Fail") yield* Fiber.join(printing)
      return yield* exit
    })
  )
