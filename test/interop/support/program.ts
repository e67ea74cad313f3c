/**
 * One of the Go programs of `interop/`, running as long as the scope: requests in, replies and events out, a line of JSON
 * each.
 */
import { spawn } from "node:child_process"
import * as readline from "node:readline"
import { fileURLToPath } from "node:url"
import { Data, Deferred, Effect, Queue, Schema, type Scope } from "effect"

/** The modules under `interop/`. */
export type Binary = "lnd" | "lnd-v0.17" | "dcrlnd"

/** The program refused, answered something else, or has ended. */
export class ProgramError extends Data.TaggedError("ProgramError")<{ readonly detail: string }> {
  override get message() {
    return this.detail
  }
}

export interface Program {
  /** Asks, and waits for the reply. */
  readonly ask: <A, I>(
    schema: Schema.Schema<A, I>,
    verb: string,
    body?: Record<string, unknown>
  ) => Effect.Effect<A, ProgramError>
  /** Waits for the next event of that name. */
  readonly event: <A, I>(schema: Schema.Schema<A, I>, name: string) => Effect.Effect<A, ProgramError>
  /** How many events of that name were not taken yet. */
  readonly pending: (name: string) => Effect.Effect<number>
  /** Stops its clock: it does nothing, with its sockets open, until it is thawed. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
  /** Kills it, as a crash would, and waits until it has ended. */
  readonly kill: Effect.Effect<void>
}

const Line = Schema.parseJson(
  Schema.Union(
    Schema.Struct({ event: Schema.String, body: Schema.Unknown }),
    Schema.Struct({ error: Schema.String }),
    Schema.Struct({ reply: Schema.Unknown })
  )
)
const decodeLine = Schema.decodeUnknownSync(Line)

const bin = fileURLToPath(new URL("../../../interop/bin/", import.meta.url))

export const start = (
  binary: Binary,
  command: string,
  flags: Record<string, string>
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.gen(function* () {
    const gone = yield* Deferred.make<never, ProgramError>()
    const replies: Array<Deferred.Deferred<unknown, ProgramError>> = []
    const events = new Map<string, Queue.Queue<unknown>>()
    const queueOf = (name: string) => {
      const known = events.get(name)
      if (known !== undefined) return known
      const fresh = Effect.runSync(Queue.unbounded<unknown>())
      events.set(name, fresh)
      return fresh
    }

    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const args = Object.entries(flags).map(([name, value]) => `-${name}=${value}`)
        return spawn(`${bin}${binary}`, [command, ...args], { stdio: ["pipe", "pipe", "pipe"] })
      }),
      (process) =>
        Effect.async<void>((resume) => {
          if (process.exitCode !== null || process.signalCode !== null) return resume(Effect.void)
          process.once("exit", () => resume(Effect.void))
          process.stdin.end()
        })
    )
    let complaint = ""
    child.stderr.on("data", (bytes: Buffer) => {
      complaint += bytes.toString()
    })
    // A write to a program that has ended shows in its exit.
    child.stdin.on("error", () => {})
    const exited = yield* Deferred.make<void>()
    child.once("close", () => {
      Deferred.unsafeDone(exited, Effect.void)
      Deferred.unsafeDone(gone, Effect.fail(new ProgramError({ detail: `${binary} ${command} ended: ${complaint}` })))
    })
    readline.createInterface({ input: child.stdout }).on("line", (text) => {
      const line = decodeLine(text)
      if ("event" in line) {
        queueOf(line.event).unsafeOffer(line.body)
        return
      }
      const waiting = replies.shift()
      if (waiting === undefined) throw new Error(`${binary} ${command} answered without a question: ${text}`)
      Deferred.unsafeDone(
        waiting,
        "error" in line ? Effect.fail(new ProgramError({ detail: line.error })) : Effect.succeed(line.reply)
      )
    })

    const orGone = <A, E>(effect: Effect.Effect<A, E>) => Effect.raceFirst(effect, Deferred.await(gone))
    const decode = <A, I>(schema: Schema.Schema<A, I>, value: unknown) =>
      Effect.mapError(
        Schema.decodeUnknown(schema)(value),
        (error) => new ProgramError({ detail: `${binary} ${command}: ${error.message}` })
      )
    return {
      ask: (schema, verb, body = {}) =>
        Effect.gen(function* () {
          const reply = yield* Deferred.make<unknown, ProgramError>()
          replies.push(reply)
          child.stdin.write(`${JSON.stringify({ verb, ...body })}\n`)
          return yield* decode(schema, yield* orGone(Deferred.await(reply)))
        }),
      event: (schema, name) => Effect.flatMap(orGone(Queue.take(queueOf(name))), (body) => decode(schema, body)),
      pending: (name) => Queue.size(queueOf(name)),
      freeze: Effect.sync(() => child.kill("SIGSTOP")),
      thaw: Effect.sync(() => child.kill("SIGCONT")),
      kill: Effect.suspend(() => {
        child.kill("SIGKILL")
        return Deferred.await(exited)
      })
    }
  })
