/**
 * The doctor in a network of its own: the real program beside a name server, and in this process where the time of its
 * patience is to pass at once. The answer is the last line that is printed.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { NodeContext } from "@effect/platform-node"
import { Effect, Fiber, Option, type Scope, TestClock, TestContext } from "effect"
import { run } from "../../../../src/cli/run.js"
import { publicKeyOf } from "../../../../src/layers/testing/FixedKeyRing.js"
import { listen, turns } from "../../../layers/net/sockets.js"
import { exhausted } from "./exhausted.js"
import * as NameServer from "./nameServer.js"

const zone: NameServer.Zone = { "six.test": { AAAA: ["2001:db8::7"] } }

const words = (address: string) => ["doctor", `${publicKeyOf(1)}@${address}`, "--json"]

/** The code of the program, and the fault and the verdict that it prints. */
const asked = (program: string, address: string) =>
  Effect.async<unknown>((resume) => {
    const child = spawn(process.execPath, [program, ...words(address)], { stdio: ["ignore", "pipe", "inherit"] })
    let said = ""
    child.stdout.on("data", (bytes) => {
      said += String(bytes)
    })
    child.on("close", (code) => {
      const { fault, verdict } = JSON.parse(said)
      resume(Effect.succeed({ code, fault, verdict }))
    })
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** The same in this process; `reached` waits until the program waits, and then its time passes. */
const askedHere = (address: string, reached: Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const said: Array<string> = []
    const console = yield* Effect.console
    const running = yield* run(words(address)).pipe(
      Effect.withConsole({
        ...console,
        log: (text: string) => Effect.sync(() => said.push(text)),
        error: () => Effect.void
      }),
      Effect.provide(NodeContext.layer),
      Effect.fork
    )
    yield* reached
    yield* Effect.repeat(Effect.zipRight(TestClock.adjust("1 second"), turns(1)), {
      until: () => Effect.map(Fiber.poll(running), Option.isSome)
    })
    const { fault, verdict } = JSON.parse(said.join(""))
    return { code: yield* Fiber.join(running), fault, verdict }
  }).pipe(Effect.provide(TestContext.TestContext))

const until = (isReached: () => boolean) => Effect.repeat(turns(1), { until: isReached })

const scenes: Readonly<
  Record<string, (program: string, address: string) => Effect.Effect<unknown, unknown, Scope.Scope>>
> = {
  /** The real program, and a name server that knows one name, which has an IPv6 address alone. */
  program: (program, address) => Effect.zipRight(NameServer.serve(zone), asked(program, address)),

  /** The real program, in a network that has no port left for it. */
  noPort: (program) => Effect.flatMap(listen(), ({ address }) => asked(program, address)),

  /** Without a descriptor left. */
  noDescriptor: (_, address) => Effect.zipRight(exhausted, askedHere(address, Effect.void)),

  /** An address that answers nothing. */
  silent: (_, address) =>
    askedHere(
      address,
      until(() => process.getActiveResourcesInfo().some((name) => name.endsWith("ConnectWrap")))
    ),

  /** A name server that answers nothing about a name. */
  silentResolver: (_, address) =>
    Effect.flatMap(NameServer.serve({}), ({ asked }) =>
      askedHere(
        address,
        until(() => asked.length > 0)
      )
    )
}

const [name = "", program = "", address = ""] = process.argv.slice(2)
const scene = scenes[name]
if (scene === undefined) throw new Error(`There is no scene ${name}.`)
const answer = await Effect.runPromise(Effect.scoped(scene(program, address)))
fs.writeSync(1, `${JSON.stringify(answer)}\n`)
process.exit()
