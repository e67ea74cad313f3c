/**
 * One process that backs up states at one tower, with a SQLite file, and writes what that cost as JSON.
 * `node backer.mjs URI STATES WINDOW WHEN`: with `before`, all states are handed in before the tower is added, and only their copies
 * are measured.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Effect, Either, Logger, LogLevel, Redacted } from "effect"
import * as NodeWatchtower from "../../src/layers/NodeWatchtower.js"
import * as RevokedStates from "../../src/layers/testing/RevokedStates.js"
import * as Chain from "../../src/schema/Chain.js"
import { CommitHeight } from "../../src/schema/RevokedState.js"
import { RootKey } from "../../src/schema/RootKey.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { TowerClient } from "../../src/services/TowerClient.js"
import { percentiles } from "./meter.js"

const [uri = "", count = "", window = "", when = ""] = process.argv.slice(2)
const states = Number(count)
const chain = Chain.bitcoinRegtest
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"))

const program = Effect.gen(function* () {
  const client = yield* TowerClient
  const candidates = yield* TowerCandidates
  const { at, channel } = Either.getOrThrow(RevokedStates.make({ chain, type: "anchors" }))
  yield* client.registerChannel(channel)
  const { address, publicKey } = yield* TowerUri.parse(uri)
  const addTower = candidates.add(publicKey, address)
  const warmUp = 200
  // What a node does anyway is not counted: it has its states and their keys.
  const made = Array.from({ length: warmUp + states }, (_, height) => at(height))
  const handIn = (from: number, to: number) =>
    Effect.gen(function* () {
      const times: Array<number> = []
      for (const { sign, state } of made.slice(from, to)) {
        const began = performance.now()
        yield* client.backupState(state, sign)
        times.push(performance.now() - began)
      }
      return times
    })
  // The oldest come first: with the last one all have their copies, but for those of a window that is being confirmed.
  const copied = (to: number) => client.awaitBackup(channel.id, CommitHeight.make(to - 1))
  if (when === "before") {
    yield* handIn(0, warmUp + states)
    yield* addTower
    yield* copied(warmUp)
  } else {
    yield* addTower
    yield* handIn(0, warmUp)
    yield* copied(warmUp)
  }
  const cpu = process.cpuUsage()
  const began = performance.now()
  const times = when === "before" ? [] : yield* handIn(warmUp, warmUp + states)
  const handedIn = performance.now()
  yield* copied(warmUp + states)
  const elapsed = performance.now() - began
  const { system, user } = process.cpuUsage(cpu)
  const { missing } = yield* client.channel(channel.id)
  return {
    rate: (1000 * states) / elapsed,
    ...(times.length > 0 && { handIn: (1000 * states) / (handedIn - began), ...percentiles(times) }),
    cpu: (user + system) / 1000 / states,
    missing
  }
})

const layer = NodeWatchtower.towerClient({
  chain,
  key: {
    root: RootKey.Seed({ bytes: Redacted.make(globalThis.crypto.getRandomValues(new Uint8Array(32))) })
  },
  database: { filename: path.join(folder, "client.db") },
  window: Number(window)
})

const result = await Effect.runPromise(
  program.pipe(Effect.provide(layer), Effect.scoped, Logger.withMinimumLogLevel(LogLevel.Warning))
)
fs.rmSync(folder, { recursive: true })
console.log(JSON.stringify(result))
