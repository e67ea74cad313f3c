/**
 * Tells systemd what the service does (sd_notify(3)). Node cannot write to a datagram socket, so `systemd-notify` does; the unit needs
 * `NotifyAccess=all`.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

/** What systemd is told. All of it does nothing where systemd did not start the process. @since 0.1.0 @category models */
export interface Supervisor {
  /** The service takes work: at its start, and when it has read its configuration again. */
  readonly ready: Effect.Effect<void>
  /** It reads its configuration again. */
  readonly reloading: Effect.Effect<void>
  /** While the scope is open: the service is alive, as long as `isAlive` answers so. */
  readonly watch: (isAlive: Effect.Effect<boolean>) => Effect.Effect<void, never, Scope.Scope>
}

const nobody: Supervisor = { ready: Effect.void, reloading: Effect.void, watch: () => Effect.void }

const ofEnvironment = Config.all({
  socket: Config.option(Config.nonEmptyString("NOTIFY_SOCKET")),
  watchdogMicros: Config.option(Config.integer("WATCHDOG_USEC"))
})

/** systemd compares it with the time at which it asked for the reload: its clock is the one that Node counts by. */
const monotonicMicros = Effect.sync(() => process.hrtime.bigint() / 1_000n)

/** Who supervises the service; it is told that the service stops when the scope closes. @since 0.1.0 @category constructors */
export const make: Effect.Effect<Supervisor, never, CommandExecutor.CommandExecutor | Scope.Scope> = Effect.gen(
  function* () {
    const executor = yield* CommandExecutor.CommandExecutor
    const { socket, watchdogMicros } = yield* Effect.orElseSucceed(ofEnvironment, () => ({
      socket: Option.none(),
      watchdogMicros: Option.none()
    }))
    if (Option.isNone(socket)) return nobody
    // Without --no-block it waits for systemd to have read it, which some supervisors never do.
    const notify = (...states: ReadonlyArray<string>) =>
      Effect.catchAll(executor.exitCode(Command.make("systemd-notify", "--no-block", ...states)), (error) =>
        Effect.logWarning("systemd cannot be told", error.message)
      )
    yield* Effect.addFinalizer(() => notify("STOPPING=1"))
    return {
      ready: notify("--ready"),
      reloading: Effect.flatMap(monotonicMicros, (micros) => notify("RELOADING=1", `MONOTONIC_USEC=${micros}`)),
      watch: (isAlive) =>
        Option.match(watchdogMicros, {
          onNone: () => Effect.void,
          onSome: (micros) =>
            Effect.forkScoped(
              Effect.repeat(
                Effect.if(isAlive, { onTrue: () => notify("WATCHDOG=1"), onFalse: () => Effect.void }),
                // Twice in the time after which systemd takes the service for dead.
                Schedule.spaced(micros / 2_000)
              )
            )
        })
    }
  }
)
