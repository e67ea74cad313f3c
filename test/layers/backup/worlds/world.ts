/** Worlds of the tower client in virtual time: models of towers, a database in memory, and states without signatures. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { expect } from "vitest"
import { makeTowerClient } from "../../../../src/layers/backup/makeTowerClient.js"
import * as Options from "../../../../src/layers/backup/Options.js"
import { within } from "../../../../src/layers/concurrency/firstOf.js"
import * as RoundRobinTowerCandidates from "../../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../../src/layers/testing/FixedKeyRing.js"
import * as VirtualTime from "../../../../src/layers/testing/VirtualTime.js"
import { blobSize } from "../../../../src/layers/tower/sessions.js"
import * as BlobType from "../../../../src/schema/BlobType.js"
import { Channel, ChannelId } from "../../../../src/schema/Channel.js"
import { ClientSession } from "../../../../src/schema/ClientSession.js"
import type { SatPerKw } from "../../../../src/schema/FeeRate.js"
import { HexBytes, Hint, type Route, SessionId, TowerId } from "../../../../src/schema/Ids.js"
import * as Policy from "../../../../src/schema/Policy.js"
import { CommitHeight } from "../../../../src/schema/RevokedState.js"
import * as Standing from "../../../../src/schema/Standing.js"
import { NewBackup } from "../../../../src/schema/StoredBackup.js"
import type { TowerClientEvent } from "../../../../src/schema/TowerClientEvent.js"
import { CreateSession } from "../../../../src/schema/wire/CreateSession.js"
import { BackupDb } from "../../../../src/services/BackupDb.js"
import { ClientDb } from "../../../../src/services/ClientDb.js"
import { KeyRing } from "../../../../src/services/KeyRing.js"
import { TowerCandidates } from "../../../../src/services/TowerCandidates.js"
import type { TowerClient } from "../../../../src/services/TowerClient.js"
import { TowerTransport } from "../../../../src/services/TowerTransport.js"
import { addressOf, regtest, towerKey } from "../../negotiator/world.js"
import * as Gate from "./gate.js"
import * as RecordedDatabase from "./recordedDatabase.js"
import { answer, type Behaviour, makeTower, type TowerModel, transportTo } from "./tower.js"

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute

export interface WorldOptions {
  readonly towers: ReadonlyArray<Behaviour>
  readonly options?: Partial<Omit<Options.OptionsOf<SatPerKw>, "chain">>
  readonly maxUpdates?: number
  readonly time?: VirtualTime.Options
  readonly backupDb?: (db: BackupDb.Service) => BackupDb.Service
  readonly clientDb?: (db: ClientDb.Service) => ClientDb.Service
  /** Called with each event, which is then not kept in `events`. */
  readonly onEvent?: (event: TowerClientEvent) => void
  /** The database can be put back: it remembers all that was done to it. */
  readonly isRestorable?: boolean
  /** How often a process looks for towers that another one has added or removed: never, unless told. */
  readonly towersPollInterval?: number
}

/** A client process: closing it is stopping. */
export interface Process {
  readonly client: TowerClient.Service
  readonly hand: (height: number, channel?: number) => Effect.Effect<void>
  readonly candidates: TowerCandidates.Service
  readonly route: Route
  /** How many copies the states have that it is handed. */
  readonly copies: number
  readonly hasOtherFees: boolean
  readonly policies: ReadonlyArray<Policy.PolicyKey>
  readonly close: Effect.Effect<void>
  /** Ends it as a kill does: its lease is not given back. */
  readonly kill: Effect.Effect<void>
  /** It stands for some milliseconds, and its clocks go on. */
  readonly pause: (ms: number) => Effect.Effect<void>
}

/** What the database was at some moment, as an operator copies it. */
export interface DatabaseCopy {
  readonly calls: number
}

export interface World {
  readonly towers: ReadonlyArray<TowerModel>
  readonly db: BackupDb.Service
  readonly clientDb: ClientDb.Service
  readonly events: ReadonlyArray<TowerClientEvent>
  readonly start: Effect.Effect<Process>
  /** Starts one with another route or other options than the world's, or for another fee rate. */
  readonly startWith: (other: {
    readonly route?: Route
    readonly options?: WorldOptions["options"]
    readonly hasOtherFees?: boolean
  }) => Effect.Effect<Process>
  /** A copy of the database as it is now. */
  readonly copyDatabase: Effect.Effect<DatabaseCopy>
  /** Puts a copy back as docs/database.md says; no process may be running. The states that are handed in from then on have other bytes. */
  readonly restoreDatabase: (copy: DatabaseCopy) => Effect.Effect<void>
  /** A session for a channel, that an earlier run has got of tower n; the tower knows it. */
  readonly storeSession: (n: number, channel?: number) => Effect.Effect<ClientSession>
  /** The towers, by number from 1, whose sessions have the bytes of a state. */
  readonly holders: (height: number, channel?: number) => ReadonlyArray<number>
}

/** Channels from this number on have sessions of another policy. */
export const firstTaproot = 1000

export const channelId = (channel = 1): ChannelId => ChannelId.make(channel.toString(16).padStart(64, "0"))

/** The bytes of a backup, of the size that a tower expects. */
export const bytesOf = (height: number, channel: number, restores = 0) => {
  const hint = Hint.make(`${channel.toString(16).padStart(16, "0")}${height.toString(16).padStart(16, "0")}`)
  const size = blobSize(channel < firstTaproot ? BlobType.altruistAnchorCommit : BlobType.altruistTaprootCommit)
  // Digits, as the hint that was just checked: to look at each of a blob costs more than all else of handing it in.
  return {
    hint,
    encryptedBlob: HexBytes.make(hint.padEnd(2 * size, String(restores % 10)), { disableValidation: true })
  }
}

const make = (spec: WorldOptions): Effect.Effect<World> =>
  Effect.gen(function* () {
    const towers = spec.towers.map(makeTower)
    const database = yield* spec.isRestorable === true ? RecordedDatabase.make : RecordedDatabase.unrecorded
    const { clientDb: sound, db: memory } = database
    const clientDb = spec.clientDb?.(sound) ?? sound
    const db = spec.backupDb?.(memory) ?? memory
    const { maxUpdates } = spec
    const policyFor = (channel: number, hasOtherFees: boolean) =>
      Policy.make(regtest, {
        blobType: channel < firstTaproot ? BlobType.altruistAnchorCommit : BlobType.altruistTaprootCommit,
        maxUpdates,
        sweepFeeRate: hasOtherFees ? 5_000n : undefined
      })
    for (const n of towers.keys()) yield* Effect.orDie(sound.createTower(towerKey(n + 1), addressOf(n + 1)))
    yield* Effect.orDie(memory.registerChannel(channelOf(1)))
    const events: Array<TowerClientEvent> = []
    let restores = 0
    const startWith: World["startWith"] = ({ hasOtherFees = false, options, route = "clear" }) =>
      Effect.gen(function* () {
        const [anchor, taproot] = [policyFor(1, hasOtherFees), policyFor(firstTaproot, hasOtherFees)]
        const keys = { anchor: Policy.keyOf(anchor), taproot: Policy.keyOf(taproot) }
        const gate = Gate.make()
        const [ownClientDb, ownDb] = [gate.ofDatabase(clientDb), gate.ofDatabase(db)]
        const candidates = yield* RoundRobinTowerCandidates.make({
          pollInterval: spec.towersPollInterval ?? Number.POSITIVE_INFINITY
        }).pipe(Effect.provideService(ClientDb, ownClientDb))
        const transport = transportTo(new Map(towers.map((tower, n) => [towerKey(n + 1), tower])), route)
        const settings = yield* Options.validate({
          chain: regtest,
          policies: [anchor, taproot],
          ...spec.options,
          ...options
        })
        const started = yield* makeTowerClient(settings).pipe(
          Effect.provideService(ClientDb, ownClientDb),
          Effect.provideService(BackupDb, ownDb),
          Effect.provideService(KeyRing, FixedKeyRing.makeFake),
          Effect.provideService(TowerCandidates, candidates),
          Effect.provideService(TowerTransport, gate.ofTransport(transport))
        )
        started.listen(spec.onEvent ?? ((event) => events.push(event)))
        const hand = (height: number, channel = 1) =>
          Effect.zipRight(
            started.client.registerChannel(channelOf(channel)),
            started.keep(
              new NewBackup(
                {
                  channelId: channelId(channel),
                  commitHeight: CommitHeight.make(height),
                  policyKey: channel < firstTaproot ? keys.anchor : keys.taproot,
                  copies: settings.copies,
                  ...bytesOf(height, channel, restores)
                },
                // Of values that were checked.
                { disableValidation: true }
              )
            )
          )
        return {
          client: started.client,
          hand: (height: number, channel?: number) => Effect.orDie(hand(height, channel)),
          candidates,
          route,
          copies: settings.copies,
          hasOtherFees,
          policies: [keys.anchor, keys.taproot],
          gate
        }
      }).pipe(
        (building) =>
          Effect.flatMap(Scope.make(), (scope) =>
            Effect.map(
              Effect.onError(Scope.extend(building, scope), (cause) => Scope.close(scope, Exit.failCause(cause))),
              ({ gate, ...process }) => {
                const close = Scope.close(scope, Exit.void)
                return {
                  ...process,
                  close: Effect.zipRight(gate.open, close),
                  kill: Effect.zipRight(gate.kill, close),
                  pause: gate.pause
                }
              }
            )
          ),
        Effect.orDie
      )
    return {
      towers,
      db,
      clientDb,
      events,
      start: startWith({}),
      startWith,
      copyDatabase: Effect.map(database.calls, (calls) => ({ calls })),
      restoreDatabase: ({ calls }) =>
        Effect.gen(function* () {
          yield* database.restore(calls)
          restores += 1
          // A copy that is restored again must not continue where it continued the last time.
          yield* sound.skipSessionKeys(1000 * restores)
        }).pipe(Effect.orDie),
      storeSession: (n, channel = 1) =>
        Effect.gen(function* () {
          const policy = policyFor(channel, false)
          const towerId = TowerId.make(n)
          const reservation = yield* clientDb.nextSessionKeyIndex(towerId, policy.blobType, "clear")
          const key = FixedKeyRing.fakeKeyOf({ family: 8, index: reservation.keyIndex })
          const session = new ClientSession({
            id: SessionId.make(key),
            towerId,
            towerPublicKey: towerKey(n),
            keyIndex: reservation.keyIndex,
            policy,
            rewardPkScript: HexBytes.make(""),
            seqNum: 0,
            towerLastApplied: 0,
            status: "active",
            createdAt: 0
          })
          yield* clientDb.createClientSession(session, reservation, {
            towerId,
            blobType: policy.blobType,
            policyKey: Policy.keyOf(policy),
            standing: Standing.initial
          })
          const tower = towers[n - 1]
          if (tower !== undefined) answer(tower, key, new CreateSession(policy))
          return session
        }).pipe(Effect.orDie),
      holders: (height, channel = 1) => {
        const { hint } = bytesOf(height, channel)
        // Also those that were handed in before the database was put back: each punishes.
        const blobs = Array.from({ length: restores + 1 }, (_, n) => bytesOf(height, channel, n).encryptedBlob)
        return towers.flatMap((tower, at) =>
          HashMap.some(tower.sessions, ({ updates }) =>
            Option.exists(HashMap.get(updates, hint), ({ encryptedBlob }) => blobs.includes(encryptedBlob))
          )
            ? [at + 1]
            : []
        )
      }
    }
  })

const channels = new Map<number, Channel>()

/** Made once: a simulated month hands in 100,000 states. */
const channelOf = (channel: number): Channel => {
  const made =
    channels.get(channel) ??
    new Channel({ id: channelId(channel), type: "anchors", sweepPkScript: HexBytes.make("00") })
  channels.set(channel, made)
  return made
}

/** Runs a program in a world of its own. */
export const run = <A>(
  spec: WorldOptions,
  program: (world: World, time: VirtualTime.VirtualTime) => Effect.Effect<A>
): A => {
  const time = VirtualTime.make(spec.time)
  const exit = time.run(Effect.flatMap(make(spec), (world) => program(world, time)))
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  return exit.value
}

/** Hands in the states from one height to another. */
export const handAll = (process: Process, first: number, last: number, channel?: number) =>
  Effect.forEach(
    Array.from({ length: last - first + 1 }, (_, at) => first + at),
    (height) => process.hand(height, channel),
    { discard: true }
  )

/** Milliseconds until all states up to a height have their copies, by the wall clock; an hour at most. */
export const untilBackedUp = ({ client }: Process, height: number) =>
  Effect.gen(function* () {
    const begun = yield* Clock.currentTimeMillis
    const backedUp = Effect.orDie(client.awaitBackup(channelId(), CommitHeight.make(height)))
    yield* Effect.orDie(within(backedUp, hour, () => new Error("not within an hour")))
    return (yield* Clock.currentTimeMillis) - begun
  })

/**
 * The first tower has a session that is used up with 20 states and one in use with 5, and then forgets all of it; another process is handed
 * the next state. Sessions take 20 updates.
 */
export const forgotten = (world: World) =>
  Effect.gen(function* () {
    const first = yield* world.start
    yield* handAll(first, 1, 20)
    yield* untilBackedUp(first, 20)
    yield* handAll(first, 21, 25)
    yield* untilBackedUp(first, 25)
    yield* first.close
    const [tower] = world.towers
    if (tower !== undefined) tower.sessions = HashMap.empty()
    const process = yield* world.start
    yield* handAll(process, 26, 26)
    return process
  })

/** Expects at least `copies` towers to hold each state up to a height. */
export const expectCopies = (world: World, last: number, copies: number) => {
  for (let height = 1; height <= last; height += 1) {
    expect(world.holders(height).length, `state ${height}`).toBeGreaterThanOrEqual(copies)
  }
}
