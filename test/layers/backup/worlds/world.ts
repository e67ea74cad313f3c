/** Worlds of the tower client in virtual time: models of towers, a database in memory, and states without signatures. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { makeTowerClient } from "../../../../src/layers/backup/makeTowerClient.js"
import * as Options from "../../../../src/layers/backup/Options.js"
import * as RoundRobinTowerCandidates from "../../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryBackupDb from "../../../../src/layers/testing/MemoryBackupDb.js"
import * as MemoryClientDb from "../../../../src/layers/testing/MemoryClientDb.js"
import { newTables } from "../../../../src/layers/testing/memoryTables.js"
import * as VirtualTime from "../../../../src/layers/testing/VirtualTime.js"
import { blobSize } from "../../../../src/layers/tower/sessions.js"
import * as BlobType from "../../../../src/schema/BlobType.js"
import { Channel, ChannelId } from "../../../../src/schema/Channel.js"
import { ClientSession } from "../../../../src/schema/ClientSession.js"
import type { SatPerKw } from "../../../../src/schema/FeeRate.js"
import { HexBytes, Hint, KeyIndex, SessionId, TowerId } from "../../../../src/schema/Ids.js"
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
}

/** A client process: closing it is stopping. */
export interface Process {
  readonly client: TowerClient.Service
  readonly hand: (height: number, channel?: number) => Effect.Effect<void>
  readonly candidates: TowerCandidates.Service
  readonly close: Effect.Effect<void>
}

export interface World {
  readonly towers: ReadonlyArray<TowerModel>
  readonly db: BackupDb.Service
  readonly clientDb: ClientDb.Service
  readonly events: ReadonlyArray<TowerClientEvent>
  readonly start: Effect.Effect<Process>
  /** A session for a channel, that an earlier run has got of tower n; the tower knows it. */
  readonly storeSession: (n: number, channel?: number) => Effect.Effect<ClientSession>
  /** The towers, by number from 1, whose sessions have the bytes of a state. */
  readonly holders: (height: number, channel?: number) => ReadonlyArray<number>
}

/** Channels from this number on have sessions of another policy. */
export const firstTaproot = 1000

export const channelId = (channel = 1): ChannelId => ChannelId.make(channel.toString(16).padStart(64, "0"))

/** The bytes of a backup, of the size that a tower expects. */
export const bytesOf = (height: number, channel: number) => {
  const hint = Hint.make(`${channel.toString(16).padStart(16, "0")}${height.toString(16).padStart(16, "0")}`)
  const size = blobSize(channel < firstTaproot ? BlobType.altruistAnchorCommit : BlobType.altruistTaprootCommit)
  return { hint, encryptedBlob: HexBytes.make(hint.padEnd(2 * size, "0")) }
}

const make = (spec: WorldOptions): Effect.Effect<World> =>
  Effect.gen(function* () {
    const towers = spec.towers.map(makeTower)
    const tables = newTables()
    const sound = yield* MemoryClientDb.makeOver(tables, { firstKeyIndex: KeyIndex.make(1) })
    const clientDb = spec.clientDb?.(sound) ?? sound
    const memory = MemoryBackupDb.makeOver(tables)
    const db = spec.backupDb?.(memory) ?? memory
    const { maxUpdates } = spec
    const anchor = Policy.make(regtest, { blobType: BlobType.altruistAnchorCommit, maxUpdates })
    const taproot = Policy.make(regtest, { blobType: BlobType.altruistTaprootCommit, maxUpdates })
    const policyFor = (channel: number) => (channel < firstTaproot ? anchor : taproot)
    for (const n of towers.keys()) yield* Effect.orDie(sound.createTower(towerKey(n + 1), addressOf(n + 1)))
    yield* Effect.orDie(memory.registerChannel(channelOf(1)))
    const events: Array<TowerClientEvent> = []
    const start: Effect.Effect<Process> = Effect.gen(function* () {
      const candidates = yield* RoundRobinTowerCandidates.make({ pollInterval: Number.POSITIVE_INFINITY }).pipe(
        Effect.provideService(ClientDb, clientDb)
      )
      const settings = yield* Options.validate({ chain: regtest, policies: [anchor, taproot], ...spec.options })
      const started = yield* makeTowerClient(settings).pipe(
        Effect.provideService(ClientDb, clientDb),
        Effect.provideService(BackupDb, db),
        Effect.provideService(KeyRing, FixedKeyRing.makeFake),
        Effect.provideService(TowerCandidates, candidates),
        Effect.provideService(TowerTransport, transportTo(new Map(towers.map((tower, n) => [towerKey(n + 1), tower]))))
      )
      started.listen(spec.onEvent ?? ((event) => events.push(event)))
      const hand = (height: number, channel = 1) =>
        Effect.zipRight(
          started.client.registerChannel(channelOf(channel)),
          started.keep(
            new NewBackup({
              channelId: channelId(channel),
              commitHeight: CommitHeight.make(height),
              policyKey: Policy.keyOf(policyFor(channel)),
              copies: settings.copies,
              ...bytesOf(height, channel)
            })
          )
        )
      return {
        client: started.client,
        hand: (height: number, channel?: number) => Effect.orDie(hand(height, channel)),
        candidates
      }
    }).pipe(
      (building) =>
        Effect.flatMap(Scope.make(), (scope) =>
          Effect.map(Scope.extend(building, scope), (process) => ({ ...process, close: Scope.close(scope, Exit.void) }))
        ),
      Effect.orDie
    )
    return {
      towers,
      db,
      clientDb,
      events,
      start,
      storeSession: (n, channel = 1) =>
        Effect.gen(function* () {
          const policy = policyFor(channel)
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
        const { encryptedBlob, hint } = bytesOf(height, channel)
        return towers.flatMap((tower, at) =>
          HashMap.some(tower.sessions, ({ updates }) =>
            Option.exists(HashMap.get(updates, hint), (update) => update.encryptedBlob === encryptedBlob)
          )
            ? [at + 1]
            : []
        )
      }
    }
  })

const channelOf = (channel: number) =>
  new Channel({ id: channelId(channel), type: "anchors", sweepPkScript: HexBytes.make("00") })

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
