/**
 * What a command is doing, on a terminal, from a second on: a line on standard error that goes away again.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { cut } from "./table.js"
import { time } from "./views.js"

/** The terminal at standard error. @since 0.1.0 @category models */
export interface ErrorTerminal {
  readonly columns: () => number
  readonly write: (text: string) => void
}

/** The terminal at standard error; undefined where there is none. @since 0.1.0 @category services */
export class StandardError extends Context.Reference<StandardError>()("effect-watchtower/cli/StandardError", {
  defaultValue: (): ErrorTerminal | undefined => undefined
}) {}

/** What commands tell of their progress. @since 0.1.0 @category models */
export interface Teller {
  /** With --quiet: a command prints its results alone. */
  readonly isQuiet: boolean
  /** What is done now; `undefined`: nothing that takes time. The time that is shown counts from the first call after that. */
  readonly doing: (what: string | undefined) => Effect.Effect<void>
}

/** Where commands tell of their progress; by default it is shown nowhere. @since 0.1.0 @category services */
export class Progress extends Context.Reference<Progress>()("effect-watchtower/cli/Progress", {
  defaultValue: (): Teller => ({ isQuiet: false, doing: () => Effect.void })
}) {}

/** Tells what is done now. @since 0.1.0 @category combinators */
export const doing = (what: string | undefined): Effect.Effect<void> =>
  Effect.flatMap(Progress, (progress) => progress.doing(what))

/** Tells what is done while an effect runs. @since 0.1.0 @category combinators */
export const during = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.ensuring(Effect.zipRight(doing(what), effect), doing(undefined))

/** A line of what is done, with the time where logs are shown, which have it too. @since 0.1.0 @category combinators */
export const stepLine = (line: string): Effect.Effect<string> =>
  Effect.flatMap(FiberRef.get(FiberRef.currentMinimumLogLevel), (level) =>
    level._tag === LogLevel.None._tag
      ? Effect.succeed(line)
      : Effect.map(Clock.currentTimeMillis, (now) => `${time(now)} ${line}`)
  )

const patienceMs = 1_000
const interval = "250 millis"

/**
 * Shows on a terminal what is told, while the scope is open, and gives the console to print to meanwhile: the line must be
 * gone before another one is printed, whose beginning would be over it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  terminal: ErrorTerminal,
  console: Console.Console
): Effect.Effect<{ readonly teller: Teller; readonly console: Console.Console }, never, Scope.Scope> =>
  Effect.gen(function* () {
    let current: { readonly what: string; readonly since: number } | undefined
    let isShown = false
    const clear = () => {
      if (isShown) terminal.write("\r\u001b[K")
      isShown = false
    }
    const draw = (now: number) => {
      if (current === undefined || now - current.since < patienceMs) return
      const line = `… ${Math.floor((now - current.since) / 1_000)} s: ${current.what}`
      terminal.write(`\r\u001b[K${cut(line, terminal.columns() - 1)}`)
      isShown = true
    }
    yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.map(Clock.currentTimeMillis, draw), interval)))
    yield* Effect.addFinalizer(() => Effect.sync(clear))
    return {
      teller: {
        isQuiet: false,
        doing: (what) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            if (what === undefined) clear()
            current = what === undefined ? undefined : { what, since: current?.since ?? now }
          })
      },
      console: {
        ...console,
        log: (...args) => Effect.zipRight(Effect.sync(clear), console.log(...args)),
        error: (...args) => Effect.zipRight(Effect.sync(clear), console.error(...args)),
        unsafe: {
          ...console.unsafe,
          error: (...args) => {
            clear()
            console.unsafe.error(...args)
          }
        }
      }
    }
  })
