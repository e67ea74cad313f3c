/** What leaves at once, and in one write: seen in the calls to the system. Needs strace. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { isWatchable, linesIn } from "../database/support/syscalls.js"
import { scenes } from "./support/namespace.js"

if (!isWatchable) console.warn("The tests of TCP_NODELAY are skipped; to run them, install strace")

const { here } = await scenes("scenes.ts")

const Ports = Schema.Struct({ tower: Schema.Number, proxy: Schema.Number })

/** The connections of a process, each by its two ends: how much each write had, and whether it is sent at once. */
const connectionsIn = (file: string) => {
  const connections = new Map<string, { readonly writes: Array<number>; isPrompt: boolean }>()
  const of = (ends: string) => {
    const connection = connections.get(ends) ?? { writes: [], isPrompt: false }
    connections.set(ends, connection)
    return connection
  }
  for (const line of linesIn(file)) {
    const [, call = "", ends = ""] = /(\w+)\(\d+<TCP:\[(.*?)\]>/.exec(line) ?? []
    if (/TCP_NODELAY, \[1\]/.test(line)) of(ends).isPrompt = true
    if (/^writev?$/.test(call)) of(ends).writes.push(Number(/= (\d+)$/.exec(line)?.[1]))
  }
  return connections
}

describe.skipIf(!isWatchable)("a session", () => {
  it.live("is written a message a time, each at once: by the client, through a proxy, and by the tower", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "calls-"))),
          (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
        )
        const file = path.join(folder, "calls")
        const watcher = ["strace", "-f", "-qq", "-yy", "-s", "0", "-o", file, "-e", "trace=setsockopt,write,writev"]
        const ports = Schema.decodeUnknownSync(Ports)(yield* here(watcher, "sessions"))
        const connections = [...connectionsIn(file)]
        const to = (port: number) => connections.filter(([ends]) => ends.endsWith(`->127.0.0.1:${port}`))
        const from = (port: number) => connections.filter(([ends]) => ends.startsWith(`127.0.0.1:${port}->`))

        const [direct] = to(ports.tower)
        const [proxied] = to(ports.proxy)
        const [actOne, actThreeAndInit = 0, createSession] = direct?.[1].writes ?? []
        assert.strictEqual(actOne, 50)
        // Act three alone has 66.
        assert.isAbove(actThreeAndInit, 66)
        assert.deepStrictEqual(direct?.[1], { isPrompt: true, writes: [50, actThreeAndInit, createSession] })
        // The greeting, the login, the request, and then the same.
        assert.isTrue(proxied?.[1].isPrompt)
        assert.deepStrictEqual(proxied?.[1].writes.slice(3), [50, actThreeAndInit, createSession])
        // The tower's ends of both: act two, Init, the reply.
        const [init, reply] = from(ports.tower)[0]?.[1].writes.slice(1) ?? []
        assert.deepStrictEqual(
          from(ports.tower).map(([, connection]) => connection),
          [
            { isPrompt: true, writes: [50, init, reply] },
            { isPrompt: true, writes: [50, init, reply] }
          ]
        )
      })
    )
  )
})
