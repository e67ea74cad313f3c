/**
 * A real tower of lnd or dcrlnd on 127.0.0.1, with its real database.
 */
import { Effect, Schema } from "effect"
import * as Chain from "../../../src/schema/Chain.js"
import { ChainHash, HexBytes, Hint, PublicKey, SessionId } from "../../../src/schema/Ids.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { temporary } from "./folder.js"
import * as Program from "./program.js"

const Ready = Schema.Struct({
  version: Schema.String,
  publicKey: PublicKey,
  address: TowerAddress,
  chainHash: ChainHash
})

/** A session as the tower's database holds it. */
export const TowerSession = Schema.Struct({
  id: SessionId,
  blobType: Schema.Number,
  maxUpdates: Schema.Number,
  rewardBase: Schema.Number,
  rewardRate: Schema.Number,
  sweepFeeRate: Schema.Number,
  rewardScript: HexBytes,
  lastApplied: Schema.Number,
  /** The whole record as the database encodes it. */
  encoded: HexBytes
})
export type TowerSession = typeof TowerSession.Type

/** An update as the tower's lookout finds it. */
export const TowerUpdate = Schema.Struct({
  id: SessionId,
  seqNum: Schema.Number,
  hint: Hint,
  encryptedBlob: HexBytes
})
export type TowerUpdate = typeof TowerUpdate.Type

/** What the tower's lookout makes of one update: a transaction, or an error. */
export const Punishment = Schema.Struct({
  id: SessionId,
  seqNum: Schema.Number,
  transaction: Schema.optional(HexBytes),
  error: Schema.optional(Schema.String)
})
export type Punishment = typeof Punishment.Type

/** A justice transaction that the tower's punisher published, and why the script engine refuses it. */
export const Publication = Schema.Struct({
  transaction: HexBytes,
  /** The transactions that it spends from: their ids as hashes, one for each input. */
  spends: Schema.Array(HexBytes),
  error: Schema.optional(Schema.String)
})
export type Publication = typeof Publication.Type

export interface RealTower {
  readonly binary: Program.Binary
  readonly version: string
  readonly publicKey: PublicKey
  readonly address: TowerAddress
  readonly chainHash: ChainHash
  /** Its folder, for a second start after a crash. */
  readonly folder: string
  readonly sessions: Effect.Effect<ReadonlyArray<TowerSession>, Program.ProgramError>
  readonly session: (id: string) => Effect.Effect<TowerSession, Program.ProgramError>
  /** The updates with one of these hints, in all sessions. */
  readonly updates: (hints: ReadonlyArray<Hint>) => Effect.Effect<ReadonlyArray<TowerUpdate>, Program.ProgramError>
  /** What its lookout makes of a transaction, up to the broadcast; one for each update with its hint. */
  readonly breach: (transaction: HexBytes) => Effect.Effect<ReadonlyArray<Punishment>, Program.ProgramError>
  /** Adds a block to its chain, also while it is stopped. When it runs, its lookout has taken it up when this comes back. */
  readonly mine: (transactions: ReadonlyArray<HexBytes>) => Effect.Effect<void, Program.ProgramError>
  /** What its punisher has published since this was asked last; all of what it took up once it is stopped. */
  readonly published: Effect.Effect<ReadonlyArray<Publication>, Program.ProgramError>
  /** Stores that number of state updates in a session; answers its last applied. */
  readonly use: (id: string, updates: number) => Effect.Effect<number, Program.ProgramError>
  readonly delete: (id: string) => Effect.Effect<void, Program.ProgramError>
  readonly stop: Effect.Effect<void, Program.ProgramError>
  readonly start: Effect.Effect<void, Program.ProgramError>
  readonly kill: Effect.Effect<void>
  /** It does nothing, with its sockets open, until it is thawed. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
}

export interface Options {
  readonly network?: string
  /** `silent` stores a session and never replies; `reward` allows reward sessions. */
  readonly mode?: "standalone" | "silent" | "reward"
  readonly folder?: string
  readonly listen?: TowerAddress
}

const nothing = Schema.Unknown

/** Starts one; it stops with the scope. */
export const start = (binary: Program.Binary, options: Options = {}) =>
  Effect.gen(function* () {
    const folder = options.folder ?? (yield* temporary)
    const program = yield* Program.start(binary, "tower", {
      dir: folder,
      network: options.network ?? kinds[binary].chain.network,
      mode: options.mode ?? "standalone",
      listen: options.listen ?? "127.0.0.1:0"
    })
    const ready = yield* program.event(Ready, "ready")
    const sessions = program.ask(Schema.Array(TowerSession), "sessions")
    const tower: RealTower = {
      ...ready,
      binary,
      folder,
      sessions,
      session: (id) =>
        Effect.flatMap(sessions, (all) => {
          const found = all.find((session) => session.id === id)
          return found === undefined
            ? Effect.fail(new Program.ProgramError({ detail: `${binary} has no session ${id}` }))
            : Effect.succeed(found)
        }),
      updates: (hints) => program.ask(Schema.Array(TowerUpdate), "updates", { hints }),
      breach: (transaction) => program.ask(Schema.Array(Punishment), "breach", { transaction }),
      mine: (transactions) => Effect.asVoid(program.ask(nothing, "mine", { transactions })),
      published: Effect.flatMap(program.pending("published"), (count) =>
        Effect.replicateEffect(program.event(Publication, "published"), count)
      ),
      use: (id, updates) => program.ask(Schema.Number, "use", { id, updates }),
      delete: (id) => Effect.asVoid(program.ask(nothing, "delete", { id })),
      stop: Effect.asVoid(program.ask(nothing, "stop")),
      start: Effect.asVoid(program.ask(nothing, "start")),
      kill: program.kill,
      freeze: program.freeze,
      thaw: program.thaw
    }
    return tower
  })

/** What each tower is known to do. */
export interface Kind {
  /** The one it runs on by default. */
  readonly chain: Chain.AnyChain
  /** All that its software knows. */
  readonly chains: ReadonlyArray<Chain.AnyChain>
  /** The blob types that it gives sessions for. */
  readonly accepts: ReadonlyArray<number>
}

/** The three. */
export const kinds: Record<Program.Binary, Kind> = {
  lnd: {
    chain: Chain.bitcoinRegtest,
    chains: Chain.all.filter((chain) => chain.name === "bitcoin"),
    accepts: [2, 6, 10, 26]
  },
  "lnd-v0.17": {
    chain: Chain.bitcoinRegtest,
    chains: Chain.all.filter((chain) => chain.name === "bitcoin" && chain.network !== "testnet4"),
    accepts: [2, 6]
  },
  dcrlnd: {
    chain: Chain.decredRegnet,
    chains: Chain.all.filter((chain) => chain.name === "decred"),
    accepts: [2, 6]
  }
}

/** Their names. */
export const binaries: ReadonlyArray<Program.Binary> = ["lnd", "lnd-v0.17", "dcrlnd"]
