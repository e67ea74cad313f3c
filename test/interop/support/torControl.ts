/**
 * A Tor's control port (control-spec.txt): commands, and the events that were asked for.
 */
import * as Net from "node:net"
import * as readline from "node:readline"
import { Deferred, Effect, type Scope } from "effect"
import { TorError } from "./torProcess.js"

export interface TorControl {
  /** Says a command; answers the lines of the reply, without their codes. */
  readonly ask: (command: string) => Effect.Effect<ReadonlyArray<string>, TorError>
  /** The events so far, without their code. */
  readonly events: () => ReadonlyArray<string>
  /** Waits until this is true of the events so far. */
  readonly until: (isTrue: (events: ReadonlyArray<string>) => boolean) => Effect.Effect<void>
}

/** Connects to the control port, which wants no password. */
export const connect = (port: number): Effect.Effect<TorControl, TorError, Scope.Scope> =>
  Effect.gen(function* () {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => Net.connect({ host: "127.0.0.1", port })),
      (opened) => Effect.sync(() => opened.destroy())
    )
    // The end of its Tor shows in what is asked next.
    socket.on("error", () => {})
    const asked: Array<Deferred.Deferred<ReadonlyArray<string>, TorError>> = []
    const listeners = new Set<() => void>()
    const events: Array<string> = []
    let reply: Array<string> = []
    /** Lines without a code, up to one with a dot. */
    let isInData = false
    readline.createInterface({ input: socket }).on("line", (line) => {
      if (isInData) {
        isInData = line !== "."
        if (isInData) reply.push(line)
        return
      }
      const code = line.slice(0, 3)
      const rest = line.slice(4)
      if (code === "650") {
        events.push(rest)
        for (const listener of listeners) listener()
        return
      }
      reply.push(rest)
      isInData = line[3] === "+"
      if (line[3] !== " ") return
      const whole = reply
      reply = []
      const waiting = asked.shift()
      if (waiting === undefined) return
      Deferred.unsafeDone(
        waiting,
        code === "250" ? Effect.succeed(whole) : Effect.fail(new TorError({ detail: `Tor says ${line}` }))
      )
    })
    socket.once("close", () => {
      for (const waiting of asked) {
        Deferred.unsafeDone(waiting, Effect.fail(new TorError({ detail: "Tor closed its control port" })))
      }
    })
    const ask = (command: string) =>
      Effect.gen(function* () {
        const answer = yield* Deferred.make<ReadonlyArray<string>, TorError>()
        asked.push(answer)
        socket.write(`${command}\r\n`)
        return yield* Deferred.await(answer)
      })
    yield* ask("AUTHENTICATE")
    return {
      ask,
      events: () => events,
      until: (isTrue) =>
        Effect.async<void>((resume) => {
          const look = () => {
            if (isTrue(events)) resume(Effect.void)
          }
          listeners.add(look)
          look()
          return Effect.sync(() => void listeners.delete(look))
        })
    }
  })
