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
import { type Plan, type Word, words } from "./plan.js"

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A program as one file, until it is removed; by default the client. */
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
export interface Said {
  readonly word: Word
  readonly about: ReadonlyArray<string>
}

export interface Client {
  readonly said: ReadonlyArray<Said>
  /** Comes back when the word was said, or the process has ended; a word is waited for once. */
  readonly waitsFor: (word: Word) => Effect.Effect<boolean>
  readonly tell: Effect.Effect<void>
  /** Continues a process that said that it stops. */
  readonly resume: Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The signal that ended it, or its exit code. */
  readonly end: Effect.Effect<NodeJS.Signals | number>
  readonly complaints: () => string
}

const isWord = (text: string): text is Word => words.some((word) => word === text)

/** Starts a client; it is killed with the scope. `before`: a program that starts it, with its arguments. */
export const start = (file: string, plan: Plan, before: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const end = yield* Deferred.make<NodeJS.Signals | number>()
    const said: Array<Said> = []
    const queues = new Map<Word, Queue.Queue<boolean>>()
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
      const [word = "", ...about] = line.split(" ")
      if (!isWord(word)) return
      said.push({ word, about })
      queues.get(word)?.unsafeOffer(true)
    })
    child.stdin.on("error", () => {})
    child.on("close", (code, signal) => {
      for (const queue of queues.values()) queue.unsafeOffer(false)
      Deferred.unsafeDone(end, Effect.succeed(signal ?? code ?? 0))
    })
    const waitsFor = (word: Word) => {
      const queue = queues.get(word)
      return queue === undefined ? Effect.succeed(false) : Queue.take(queue)
    }
    const signal = (name: NodeJS.Signals) => Effect.sync(() => void child.kill(name))
    const client: Client = {
      said,
      waitsFor,
      // It speaks before it stops: a first signal can come too early.
      resume: Effect.asVoid(
        Effect.raceFirst(waitsFor("continues"), Effect.forever(Effect.delay(signal("SIGCONT"), "10 millis")))
      ),
      tell: Effect.sync(() => void child.stdin.write("\n")),
      signal,
      end: Deferred.await(end),
      complaints: () => complaints
    }
    return client
  })
