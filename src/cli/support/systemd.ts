/**
 * Tells systemd that the service is ready, and alive (sd_notify(3)). Node cannot write to a datagram socket, so `systemd-notify` does; the
 * unit needs `NotifyAccess=all`.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

type Notify = (...states: ReadonlyArray<string>) => Effect.Effect<void, never, CommandExecutor.CommandExecutor>

// Without --no-block it waits for systemd to have read it, which some supervisors never do.
const notify: Notify = (...states) =>
  Effect.catchAll(Command.exitCode(Command.make("systemd-notify", "--no-block", ...states)), (error) =>
    Effect.logWarning("systemd cannot be told", error.message)
  )

const ofEnvironment = Config.all({
  socket: Config.option(Config.nonEmptyString("NOTIFY_SOCKET")),
  watchdogMicros: Config.option(Config.integer("WATCHDOG_USEC"))
})

/**
 * Says that the service is ready; while the scope is open, that it is alive, as long as `isAlive` answers so; and when it closes, that
 * it stops. Does nothing where systemd did not start the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ready = (
  isAlive: Effect.Effect<boolean>
): Effect.Effect<void, never, CommandExecutor.CommandExecutor | Scope.Scope> =>
  Effect.gen(function* () {
    const { socket, watchdogMicros } = yield* Effect.orElseSucceed(ofEnvironment, () => ({
      socket: Option.none(),
      watchdogMicros: Option.none()
    }))
    if (Option.isNone(socket)) return
    yield* Effect.acquireRelease(notify("--ready"), () => notify("STOPPING=1"))
    if (Option.isNone(watchdogMicros)) return
    yield* Effect.forkScoped(
      Effect.repeat(
        Effect.if(isAlive, { onTrue: () => notify("WATCHDOG=1"), onFalse: () => Effect.void }),
        // Twice in the time after which systemd takes the service for dead.
        Schedule.spaced(watchdogMicros.value / 2_000)
      )
    )
  })
