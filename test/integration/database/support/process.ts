/**
 * Clients as processes. They are bundled first: a process that starts in a tenth of a second can be killed often.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Deferred, Effect, Queue } from "effect"
import { build } from "esbuild"

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A program as one file, until it is removed; by default the one that negotiates sessions. */
export const bundle = async (program: string = here("client.ts")) => {
  // Below node_modules, so that it finds what cannot be bundled.
  const cache = here("../../../../node_modules/.cache/effect-watchtower")
  fs.mkdirSync(cache, { recursive: true })
  const folder = fs.mkdtempSync(path.join(cache, "client-"))
  const file = path.join(folder, "client.mjs")
  await build({
    entryPoints: [program],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["better-sqlite3", "pg-native"],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
    logLevel: "error"
  })
  return { file, remove: () => fs.rmSync(folder, { recursive: true }) }
}

/** What a process said at one moment: a word, and what it is about. */
export interface Said<Word extends string> {
  readonly word: Word
  readonly about: ReadonlyArray<string>
}

export interface Running<Word extends string> {
  readonly said: ReadonlyArray<Said<Word>>
  /** Comes back when the word was said, or the process has ended; a word is waited for once. */
  readonly waitsFor: (word: Word) => Effect.Effect<boolean>
  /** Writes a line to it. */
  readonly tell: (line?: string) => Effect.Effect<void>
  /** Continues a process that said that it stops. */
  readonly resume: Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The signal that ended it, or its exit code. */
  readonly end: Effect.Effect<NodeJS.Signals | number>
  readonly hasEnded: () => boolean
  readonly complaints: () => string
}

/** A program, and the words that it says. */
export interface Program<Word extends string> {
  readonly file: string
  readonly words: ReadonlyArray<Word>
}

/** Starts a program with its plan; it is killed with the scope. `before`: a program that starts it, with its arguments. */
export const start = <Word extends string>(
  { file, words }: Program<Word>,
  plan: object,
  before: ReadonlyArray<string> = []
) =>
  Effect.gen(function* () {
    const end = yield* Deferred.make<NodeJS.Signals | number>()
    const said: Array<Said<Word>> = []
    const queues = new Map<string, Queue.Queue<boolean>>()
    for (const word of words) queues.set(word, yield* Queue.unbounded<boolean>())
    const [program = process.execPath, ...rest] = [...before, process.execPath, file, JSON.stringify(plan)]
    let complaints = ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"] })),
      (started) =>
        Effect.andThen(
          Effect.sync(() => started.kill("SIGKILL")),
          Deferred.await(end)
        )
    )
    child.stderr.on("data", (bytes) => {
      complaints += String(bytes)
    })
    createInterface(child.stdout).on("line", (line) => {
      const [first = "", ...about] = line.split(" ")
      const word = words.find((one) => one === first)
      if (word === undefined) return
      said.push({ word, about })
      queues.get(word)?.unsafeOffer(true)
    })
    child.stdin.on("error", () => {})
    child.on("close", (code, signal) => {
      for (const queue of queues.values()) queue.unsafeOffer(false)
      Deferred.unsafeDone(end, Effect.succeed(signal ?? code ?? 0))
    })
    const waitsFor = (word: string) => {
      const queue = queues.get(word)
      if (queue === undefined) return Effect.succeed(false)
      // The end comes once: it stays in the queue for the next one that waits.
      return Effect.tap(Queue.take(queue), (wasSaid) => (wasSaid ? Effect.void : Queue.offer(queue, false)))
    }
    const signal = (name: NodeJS.Signals) => Effect.sync(() => void child.kill(name))
    const running: Running<Word> = {
      said,
      waitsFor,
      // It speaks before it stops: a first signal can come too early.
      resume: Effect.asVoid(
        Effect.raceFirst(waitsFor("continues"), Effect.forever(Effect.delay(signal("SIGCONT"), "10 millis")))
      ),
      tell: (line = "") => Effect.sync(() => void child.stdin.write(`${line}\n`)),
      signal,
      end: Deferred.await(end),
      hasEnded: () => child.exitCode !== null || child.signalCode !== null,
      complaints: () => complaints
    }
    return running
  })
