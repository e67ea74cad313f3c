/**
 * One Tor of the tests' own network, running as long as the scope: what it is told to be, and what it says in its log.
 */
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as readline from "node:readline"
import { Data, Deferred, Effect, type Scope } from "effect"

/** A Tor has ended, or does not do what it is asked for. */
export class TorError extends Data.TaggedError("TorError")<{ readonly detail: string }> {
  override get message() {
    return this.detail
  }
}

/** Why there is no network of Tor here; nothing, where there can be one. */
export const isMissing: string | undefined = [["tor", "--version"] as const, ["tor-gencert", "--help"] as const].some(
  ([program, flag]) => spawnSync(program, [flag]).error !== undefined
)
  ? "tor, with its tor-gencert, is not installed"
  : undefined

export interface TorProcess {
  /** Waits until its log has a line with this text. */
  readonly said: (text: string) => Effect.Effect<void, TorError>
  /** Kills it, as a crash would, and waits until it has ended. */
  readonly kill: Effect.Effect<void>
}

/** Settings for every Tor of such a network. */
const everywhere = [
  "TestingTorNetwork 1",
  "RunAsDaemon 0",
  "Log notice stdout",
  // Where this process is killed, its scope is not closed.
  `__OwningControllerProcess ${process.pid}`
]

/** Starts a Tor that keeps its files in that folder. */
export const start = (folder: string, settings: ReadonlyArray<string>): Effect.Effect<TorProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const gone = yield* Deferred.make<void>()
    const lines: Array<string> = []
    const listeners = new Set<() => void>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
        fs.writeFileSync(`${folder}/torrc`, [...everywhere, `DataDirectory ${folder}`, ...settings, ""].join("\n"))
        // The settings of the system's own Tor are not these ones'.
        const files = ["--defaults-torrc", "/dev/null", "-f", `${folder}/torrc`]
        return spawn("tor", files, { stdio: ["ignore", "pipe", "ignore"] })
      }),
      (started) =>
        Effect.andThen(
          Effect.sync(() => started.kill("SIGKILL")),
          Deferred.await(gone)
        )
    )
    child.once("close", () => Deferred.unsafeDone(gone, Effect.void))
    readline.createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line)
      for (const listener of listeners) listener()
    })
    const ended = Effect.andThen(
      Deferred.await(gone),
      Effect.suspend(() => new TorError({ detail: `${folder}: Tor has ended.\n${lines.join("\n")}` }))
    )
    const said = (text: string) =>
      Effect.async<void>((resume) => {
        const look = () => {
          if (lines.some((line) => line.includes(text))) resume(Effect.void)
        }
        listeners.add(look)
        look()
        return Effect.sync(() => void listeners.delete(look))
      })
    return {
      said: (text) => Effect.raceFirst(said(text), ended),
      kill: Effect.suspend(() => {
        child.kill("SIGKILL")
        return Deferred.await(gone)
      })
    }
  })
