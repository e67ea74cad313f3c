import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Queue } from "effect"
import { run } from "../../src/cli/run.js"
import { assertForm } from "./sentences.js"

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The program in this process, in an environment; `onLine` hears each line of standard output as it comes. */
export const wtclient = (
  words: ReadonlyArray<string>,
  onLine: (line: string) => Effect.Effect<unknown> = () => Effect.void,
  environment: Readonly<Record<string, string>> = {}
): Effect.Effect<Outcome> =>
  Console.consoleWith((console) => {
    const stdout: Array<string> = []
    const stderr: Array<string> = []
    const write =
      (to: Array<string>) =>
      (...parts: ReadonlyArray<unknown>) =>
        void to.push(`${parts.join(" ")}\n`)
    const captured: Console.Console = {
      ...console,
      log: (...parts) =>
        Effect.andThen(
          Effect.sync(() => write(stdout)(...parts)),
          onLine(parts.join(" "))
        ),
      error: (...parts) => Effect.sync(() => write(stderr)(...parts)),
      unsafe: { ...console.unsafe, log: write(stdout), error: write(stderr) }
    }
    return run(words).pipe(
      Effect.withConsole(captured),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))),
      Effect.provide(NodeContext.layer),
      Effect.map((code) => ({ code, stdout: stdout.join(""), stderr: stderr.join("") })),
      // All that a test makes the program say has the form of a sentence.
      Effect.tap(({ stderr }) => {
        for (const [, said = ""] of stderr.matchAll(/^wtclient: (.*(?:\n {2}.*)*)$/gm)) assertForm(said)
      })
    )
  })

/** A program that is stopped when the scope closes; its lines of standard output. */
export const started = (words: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const lines = yield* Queue.unbounded<string>()
    yield* Effect.forkScoped(wtclient(words, (line) => Queue.offer(lines, line), environment))
    return lines
  })

/** A folder of its own, and the program that keeps its files there, on Bitcoin's regtest. */
export const newClient = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  return {
    fs,
    folder,
    at: (name: string) => `${folder}/bitcoin/regtest/${name}`,
    flags: ["--data-dir", folder, "--network", "regtest"],
    wtclient: (...words: ReadonlyArray<string>) => wtclient([...words, "--data-dir", folder, "--network", "regtest"])
  }
}).pipe(Effect.provide(NodeContext.layer))
