/**
 * The tower client as an application runs it, and real towers: what was handed in gets its copies whatever stops and starts again,
 * and each copy punishes.
 */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import {
  Chunk,
  Context,
  Effect,
  ExecutionStrategy,
  Exit,
  FastCheck,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Redacted,
  Scope,
  Stream
} from "effect"
import * as NodeWatchtower from "../../src/layers/NodeWatchtower.js"
import type * as Chain from "../../src/schema/Chain.js"
import { CommitHeight } from "../../src/schema/RevokedState.js"
import { RootKey } from "../../src/schema/RootKey.js"
import type { Happening } from "../../src/schema/TowerClientEvent.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { TowerClient } from "../../src/services/TowerClient.js"
import * as Channel from "./support/channel.js"
import type { Target } from "./support/client.js"
import * as CuttingProxy from "./support/cuttingProxy.js"
import { temporary } from "./support/folder.js"
import { note } from "./support/matrix.js"
import * as Tower from "./support/tower.js"

const root = RootKey.Seed({ bytes: Redacted.make(Uint8Array.from({ length: 32 }, (_, index) => index + 1)) })

/** Where a client keeps its sessions, and what it is told. */
interface Place {
  readonly chain: Chain.AnyChain
  readonly filename: string
  readonly copies: number
}

/** Starts a client and runs a program with it; then the client is stopped. Answers all that happened. */
const run = <E>(
  { chain, copies, filename }: Place,
  towers: ReadonlyArray<Target>,
  program: (client: TowerClient.Service) => Effect.Effect<void, E, Scope.Scope>
) =>
  Effect.gen(function* () {
    // Both members of the union go the same way.
    const options = {
      chain,
      copies,
      key: { root },
      database: { filename },
      negotiator: { minBackoff: "1 second" }
    } as NodeWatchtower.ClientOptions
    const process = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const services = yield* Layer.buildWithScope(NodeWatchtower.towerClient(options), process)
    const client = Context.get(services, TowerClient)
    // The stream ends with the client.
    const events = yield* Effect.fork(Stream.runCollect(yield* client.events))
    const candidates = Context.get(services, TowerCandidates)
    for (const { address, publicKey } of towers) yield* candidates.add(publicKey, address)
    yield* program(client)
    yield* Scope.close(process, Exit.void)
    return Chunk.toReadonlyArray(yield* Fiber.join(events)).map(({ happening }) => happening)
  }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))

type Channels = ReadonlyArray<Channel.NodeChannel>

const heights = (first: number, last: number): ReadonlyArray<number> =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

const register = (client: TowerClient.Service, channels: Channels) =>
  Effect.forEach(channels, ({ channel }) => client.registerChannel(channel), { discard: true })

const statesOf = (channels: Channels, which: ReadonlyArray<number>) =>
  which.flatMap((height) => channels.map(({ stateAt }) => stateAt(height)))

const handIn = (client: TowerClient.Service, channels: Channels, which: ReadonlyArray<number>) =>
  Effect.forEach(statesOf(channels, which), ({ sign, state }) => client.backupState(state, sign), { discard: true })

const awaitAll = (client: TowerClient.Service, channels: Channels, height: number) =>
  Effect.forEach(channels, ({ channel }) => client.awaitBackup(channel.id, CommitHeight.make(height)), {
    discard: true
  })

/** The other party publishes revoked states, in a block. */
const publish = (tower: Tower.RealTower, channels: Channels, which: ReadonlyArray<number>) =>
  tower.mine(statesOf(channels, which).map(({ state }) => state.commitmentTransaction))

/** What the punisher has published for the blocks so far; then the tower is stopped. */
const punishments = (tower: Tower.RealTower) =>
  Effect.gen(function* () {
    // When its lookout takes this block up, it is done with those before; its punisher when it is stopped.
    yield* tower.mine([])
    yield* tower.stop
    return yield* tower.published
  })

/** One justice transaction for each of these states, accepted by the script engine, and none for anything else. */
const assertPunished = (published: ReadonlyArray<Tower.Publication>, states: ReadonlyArray<Channel.NodeState>) => {
  assert.deepStrictEqual(
    published.filter(({ error }) => error !== undefined),
    []
  )
  assert.deepStrictEqual(
    published.map(({ spends }) => [...new Set(spends)].join(" ")).toSorted(),
    states.map(({ txid }) => txid).toSorted()
  )
}

/** The tower keeps the backup of each of these states, once. */
const assertKept = (tower: Tower.RealTower, states: ReadonlyArray<Channel.NodeState>) =>
  Effect.map(tower.updates(states.map(({ hint }) => hint)), (updates) =>
    assert.deepStrictEqual(updates.map(({ hint }) => hint).toSorted(), states.map(({ hint }) => hint).toSorted())
  )

/** What no tower says to this client that has lost nothing, and what follows from it. */
const assertNothingRefused = (happened: ReadonlyArray<Happening>) =>
  assert.deepStrictEqual(
    happened.filter((one) => {
      if (one._tag !== "ContactFailed") return one._tag === "SessionTerminal" || one._tag === "SessionLost"
      return one.failure._tag === "UpdateRefused" || one.failure._tag === "WrongLastApplied"
    }),
    []
  )

const restart = ({ address, binary, folder }: Tower.RealTower) => Tower.start(binary, { folder, listen: address })

/** Kills the tower, takes all away that it was given, and starts it again. */
const wipe = (tower: Tower.RealTower) =>
  Effect.gen(function* () {
    yield* tower.kill
    yield* Effect.sync(() => fs.rmSync(`${tower.folder}/watchtower.db`))
    return yield* restart(tower)
  })

describe.each(Tower.binaries)("%s", (binary) => {
  const { accepts, chain } = Tower.kinds[binary]
  const types = Channel.typesFor(accepts)
  const place = (copies: number) =>
    Effect.map(temporary, (folder): Place => ({ chain, copies, filename: `${folder}/client.db` }))

  it.scopedLive(
    "B3: punishes the states that were handed in, across restarts of client and tower, and no others",
    (context) =>
      Effect.gen(function* () {
        const channels = [...types, ...types].map((type, index) => Channel.make(chain, type, index + 1))
        const database = yield* place(1)
        const tower = yield* Tower.start(binary)
        const first = yield* run(database, [tower], (client) =>
          Effect.gen(function* () {
            yield* register(client, channels)
            yield* handIn(client, channels, heights(0, 3))
            yield* awaitAll(client, channels, 3)
            // A tower that has never punished would start at the tip of its chain, and miss what was mined while it was stopped.
            yield* publish(tower, channels, [0])
            assertPunished(yield* punishments(tower), statesOf(channels, [0]))
            yield* handIn(client, channels, [4])
          })
        )
        const second = yield* run(database, [], (client) =>
          Effect.gen(function* () {
            yield* handIn(client, channels, [5])
            for (const { channel } of channels) {
              assert.include(yield* client.channel(channel.id), { handedIn: 6, complete: 4, missing: 2 })
            }
            yield* tower.start
            yield* awaitAll(client, channels, 5)
          })
        )
        yield* tower.kill
        const again = yield* restart(tower)
        const third = yield* run(database, [], (client) =>
          Effect.gen(function* () {
            yield* handIn(client, channels, [6])
            yield* awaitAll(client, channels, 6)
          })
        )
        assertNothingRefused([...first, ...second, ...third])
        const handedIn = statesOf(channels, heights(0, 6))
        yield* assertKept(again, handedIn)
        // Height 7 and 8 were never handed in.
        yield* publish(again, channels, [1, 7])
        yield* again.mine([])
        yield* again.stop
        yield* publish(again, channels, [2, 3, 8])
        yield* publish(again, channels, [4, 5])
        yield* again.start
        yield* publish(again, channels, [6])
        assertPunished(yield* punishments(again), statesOf(channels, heights(1, 6)))
        note(
          context,
          tower.version,
          accepts.join(" "),
          `the tower client, ${types.join(", ")}: ${channels.length} channels, 7 states each`,
          `${handedIn.length} justice transactions, all accepted by the script engine`
        )
      })
  )

  it.scopedLive(
    "gets the copies again that a tower has lost, whether it is used again or the client starts again",
    (context) =>
      Effect.gen(function* () {
        // Of one blob type, and so in one session at each tower: with each that a tower loses it is left alone for longer.
        const channels = types.slice(0, 2).map((type, index) => Channel.make(chain, type, index + 1))
        const database = yield* place(2)
        const [kept, before] = yield* Effect.all([Tower.start(binary), Tower.start(binary)])
        const towers = [kept, before]
        const scope = yield* Effect.scope
        /** The next height goes to a session that the tower has lost: those before are missed there, and handed in again. */
        const loseAndHandIn = (client: TowerClient.Service, height: number) =>
          Effect.gen(function* () {
            yield* handIn(client, channels, [height])
            for (const { channel } of channels) {
              const lost = yield* Effect.flip(client.awaitBackup(channel.id, CommitHeight.make(height)))
              assert.include(lost, { _tag: "CopiesLost", states: height })
              assert.include(yield* client.channel(channel.id), { handedIn: height + 1, lost: height })
            }
            yield* handIn(client, channels, heights(0, height - 1))
            yield* awaitAll(client, channels, height)
          })
        const first = yield* run(database, towers, (client) =>
          Effect.gen(function* () {
            yield* register(client, channels)
            yield* handIn(client, channels, heights(0, 2))
            yield* awaitAll(client, channels, 2)
            for (const tower of towers) yield* assertKept(tower, statesOf(channels, heights(0, 2)))
            const wiped = yield* Scope.extend(wipe(before), scope)
            yield* loseAndHandIn(client, 3)
            for (const tower of [kept, wiped]) yield* assertKept(tower, statesOf(channels, heights(0, 3)))
            yield* wiped.kill
          })
        )
        const wiped = yield* wipe(yield* restart(before))
        const second = yield* run(database, [], (client) => loseAndHandIn(client, 4))
        for (const happened of [first, second]) {
          const lost = happened.filter((one) => one._tag === "SessionLost")
          assert.lengthOf(lost, 1)
          assert.isTrue(lost.every(({ lastApplied, tower }) => lastApplied === 0 && tower === wiped.publicKey))
          assert.isFalse(happened.some((one) => one._tag === "SessionTerminal"))
        }
        for (const tower of [kept, wiped]) {
          yield* assertKept(tower, statesOf(channels, heights(0, 4)))
          yield* publish(tower, channels, heights(0, 5))
          assertPunished(yield* punishments(tower), statesOf(channels, heights(0, 4)))
        }
        note(
          context,
          kept.version,
          2,
          "copies 2, and one of the two towers forgets everything, twice",
          "listed as lost, handed in again, punished by both"
        )
      }),
    180_000
  )

  it.scopedLive(
    "backs up hundreds of states over connections that are cut anywhere",
    (context) =>
      Effect.gen(function* () {
        const channels = types.map((type, index) => Channel.make(chain, type, index + 1))
        const perChannel = Math.ceil(240 / channels.length)
        const tower = yield* Tower.start(binary)
        const lengths = FastCheck.sample(FastCheck.noBias(FastCheck.integer({ min: 1, max: 14_000 })), {
          numRuns: 24,
          seed: 20_261_128
        })
        const proxy = yield* CuttingProxy.make(tower.address, (connection) => lengths[connection])
        const target = { publicKey: tower.publicKey, address: proxy.address }
        const happened = yield* run(yield* place(1), [target], (client) =>
          Effect.gen(function* () {
            yield* register(client, channels)
            yield* handIn(client, channels, heights(0, perChannel - 1))
            yield* awaitAll(client, channels, perChannel - 1)
          })
        )
        assertNothingRefused(happened)
        const states = statesOf(channels, heights(0, perChannel - 1))
        yield* assertKept(tower, states)
        const applied = (yield* tower.sessions).reduce((sum, { lastApplied }) => sum + lastApplied, 0)
        assert.strictEqual(applied, states.length)
        yield* publish(tower, channels, heights(0, perChannel - 1))
        assertPunished(yield* punishments(tower), states)
        const cuts = yield* proxy.cuts
        assert.isAtLeast(cuts, 5)
        note(
          context,
          tower.version,
          accepts.join(" "),
          `${states.length} states, ${cuts} connections cut`,
          "each stored once, nothing refused, all punished"
        )
      }),
    300_000
  )
})
