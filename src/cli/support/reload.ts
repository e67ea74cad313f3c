/**
 * How a running service takes another configuration.
 *
 * @since 0.1.0
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { ClientPaths } from "./clientPaths.js"
import * as Configuration from "./configuration.js"
import { check } from "./configurationCheck.js"
import { listening } from "./serviceOptions.js"
import type * as Systemd from "./systemd.js"

/** The keys of the options that have another value. */
const changedKeys = (
  { given: before }: Configuration.Configuration,
  { given: after }: Configuration.Configuration
): ReadonlyArray<string> =>
  [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key)?.text !== after.get(key)?.text)

const unchanged = "the configuration stays as it was"

/** The configuration after a signal, if it can take the place of this one; the log says why where it cannot. */
const readAgain = (client: ClientPaths, current: Configuration.Configuration) =>
  Effect.gen(function* () {
    const read = yield* Effect.either(
      Effect.tap(Configuration.load(client), (configuration) => check(client, configuration))
    )
    if (Either.isLeft(read)) {
      yield* Effect.annotateLogs(Effect.logError(unchanged), "failure", read.left.message)
      return Option.none()
    }
    const next = read.right
    const changed = changedKeys(current, next)
    yield* Effect.forEach(next.warnings, (warning) => Effect.logWarning(warning))
    const fixed = changed.filter((key) => key in listening.entries)
    if (fixed.length > 0) {
      const failure = `${fixed.join(" and ")} cannot change while the service runs: start it again.`
      yield* Effect.annotateLogs(Effect.logError(unchanged), "failure", failure)
      return Option.none()
    }
    if (changed.length === 0) {
      yield* Effect.logInfo(unchanged)
      return Option.none()
    }
    yield* Effect.annotateLogs(Effect.logInfo("the configuration has changed"), "options", changed.join(","))
    return Option.some(next)
  })

/** Waits for a signal after which another configuration holds. @since 0.1.0 @category combinators */
export const next = (
  client: ClientPaths,
  current: Configuration.Configuration,
  signals: Queue.Dequeue<void>,
  supervisor: Systemd.Supervisor
): Effect.Effect<Configuration.Configuration, never, FileSystem.FileSystem> =>
  Queue.take(signals).pipe(
    Effect.zipRight(supervisor.reloading),
    Effect.zipRight(readAgain(client, current)),
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.zipRight(supervisor.ready, next(client, current, signals, supervisor)),
        onSome: Effect.succeed
      })
    )
  )
