/** A tower client as applications have it: real sockets, real keys, a real database; with something to do at each breakpoint. */
import { SqlClient } from "@effect/sql"
import type { Connection } from "@effect/sql/SqlConnection"
import { Context, Effect, Fiber, Layer } from "effect"
import * as BrontideTowerTransport from "../../../../../src/layers/BrontideTowerTransport.js"
import { makeTowerClient } from "../../../../../src/layers/backup/makeTowerClient.js"
import * as Options from "../../../../../src/layers/backup/Options.js"
import * as NodeSocketDialer from "../../../../../src/layers/NodeSocketDialer.js"
import * as RoundRobinTowerCandidates from "../../../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqlClientDb from "../../../../../src/layers/SqlClientDb.js"
import * as BlobType from "../../../../../src/schema/BlobType.js"
import { type KeyIndex, SessionId } from "../../../../../src/schema/Ids.js"
import * as Policy from "../../../../../src/schema/Policy.js"
import { BackupId, type BoundUpdate } from "../../../../../src/schema/StoredBackup.js"
import * as TowerUri from "../../../../../src/schema/TowerUri.js"
import { BackupDb } from "../../../../../src/services/BackupDb.js"
import { ClientDb } from "../../../../../src/services/ClientDb.js"
import { KeyRing } from "../../../../../src/services/KeyRing.js"
import { TowerCandidates } from "../../../../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../../../../src/services/TowerTransport.js"
import { around } from "../../../../layers/sql/recording.js"
import { chain, isPostgres, keyRing, open } from "../../support/negotiating.js"
import { type Breakpoint, copies, maxUpdates, type Plan } from "./plan.js"

/** The listener of what happens. */
export interface Witness {
  readonly reach: (breakpoint: Breakpoint) => void
  /** Another process holds the lock of the SQLite file. */
  readonly onLockedOut: () => void
  readonly onFrame: (session: SessionId, seqNum: number) => void
}

/** What a statement of a transaction changes. */
const changes: ReadonlyArray<readonly [text: string, breakpoint: Breakpoint]> = [
  ["INSERT INTO wt_backup", "storing the state"],
  ["INSERT INTO wt_update", "binding"],
  ["UPDATE wt_update SET seq_num = NULL", "acking"]
]

/**
 * Long enough for a busy machine, and for a process that is stopped: what it had begun goes on afterwards, by clocks on which a lease has
 * run out meanwhile. What a slow database does is asked elsewhere.
 */
const longMs = 600_000

/** Both ports of a database, whose transactions are witnessed, and the database itself. */
const openDb = ({ storeTimeoutMs = longMs, where }: Plan, { onLockedOut, reach }: Witness) =>
  Effect.gen(function* () {
    const { flush, sql } = yield* open({ where, storeTimeoutMs })
    const done = new Map<Connection, Set<Breakpoint>>()
    const witnessed = around(sql, (text, statement, on) => {
      const before = done.get(on) ?? new Set()
      for (const [words, breakpoint] of changes) if (text.includes(words)) done.set(on, before.add(breakpoint))
      // SQLite's alone: there a transaction has to wait before it begins.
      if (text === "BEGIN IMMEDIATE") return Effect.tapError(statement, () => Effect.sync(onLockedOut))
      if (text !== "COMMIT" && text !== "ROLLBACK") return statement
      done.delete(on)
      if (text === "ROLLBACK") return statement
      for (const breakpoint of before) reach(breakpoint)
      if (!before.has("binding") && !before.has("acking")) return statement
      const reached = Effect.sync(() => reach("at COMMIT"))
      return isPostgres(where)
        ? // It was sent; its outcome is unknown.
          Effect.flatMap(Effect.fork(statement), (fiber) =>
            Effect.yieldNow().pipe(Effect.andThen(reached), Effect.andThen(Fiber.join(fiber)))
          )
        : Effect.zipLeft(statement, reached)
    })
    const services = yield* SqlClientDb.services({ storeTimeout: storeTimeoutMs, flush }).pipe(
      Effect.provideService(SqlClient.SqlClient, witnessed)
    )
    return { services, sql }
  })

/** What a tower client does about the first window that it has bound. */
type FirstWindow = Plan["atFirstWindow"]

/** Those of these states that no more towers have than shall have them, bound or confirmed; a removed tower counts too. */
const notMoved = (sql: SqlClient.SqlClient, states: ReadonlyArray<BackupId>) =>
  Effect.map(
    sql<{ readonly backup: number | string }>`
      SELECT backup FROM wt_update WHERE ${sql.in("backup", states)}
      GROUP BY backup HAVING count(DISTINCT tower) <= ${copies}`,
    (rows) => rows.map(({ backup }) => BackupId.make(Number(backup)))
  )

const witnessedDb = (
  db: BackupDb.Service,
  sql: SqlClient.SqlClient,
  candidates: TowerCandidates.Service,
  known: Set<SessionId>,
  atFirstWindow: FirstWindow,
  { reach }: Witness
): BackupDb.Service => {
  const acked = new Map<KeyIndex, number>()
  /** Of the first window, whose tower is removed: its session, and what it had bound that enough other towers do not have. */
  let first: { readonly keyIndex: KeyIndex; readonly states: ReadonlyArray<BackupId> } | undefined
  let isFirst = true
  const interfere = (keyIndex: KeyIndex, updates: ReadonlyArray<BoundUpdate>) =>
    Effect.gen(function* () {
      if (first !== undefined && first.keyIndex !== keyIndex) {
        // What another session binds may be the second copy, which it had asked for before the removal: it has moved when a third tower has it.
        const { length } = yield* notMoved(sql, first.states)
        if (length < first.states.length) reach("moved")
      }
      if (!isFirst || atFirstWindow === undefined) return
      isFirst = false
      const sending = yield* db.listSending("clear", { limit: 1000 })
      const session = sending.find((one) => one.session.keyIndex === keyIndex)?.session
      if (session === undefined) return
      if (atFirstWindow === "removes tower") {
        const bound = updates.map(({ backupId }) => backupId)
        const states = yield* notMoved(sql, bound)
        // A contact of an earlier life had failed for so long that enough others have these, and they need not move: the next window will do.
        if (states.length === 0) {
          isFirst = true
          return
        }
        // Before it is removed: another session can bind them before this fiber goes on.
        first = { keyIndex, states }
        yield* candidates.remove(session.towerPublicKey)
        // Until the sender has seen that and hung up: a window that is sent by then may be confirmed, and moves nowhere.
        return yield* Effect.never
      } else {
        yield* db.terminateSession(session.id)
        reach("session given up")
      }
    }).pipe(Effect.orDie)
  const asked = <A, E>(window: Effect.Effect<A, E>) =>
    Effect.zipRight(
      Effect.sync(() => reach("window asked for")),
      window
    )
  return {
    ...db,
    addBackup: (backup) =>
      Effect.zipRight(
        Effect.sync(() => reach("state checked")),
        Effect.tap(db.addBackup(backup), () => Effect.sync(() => reach("state stored")))
      ),
    listSending: (...args) =>
      Effect.tap(db.listSending(...args), (page) =>
        Effect.sync(() => {
          for (const { session } of page) known.add(session.id)
        })
      ),
    nextWindow: (token, keyIndex, request) =>
      Effect.tap(asked(db.nextWindow(token, keyIndex, request)), (updates) => {
        if (request.acked > (acked.get(keyIndex) ?? 0)) {
          acked.set(keyIndex, request.acked)
          reach("acks stored")
        }
        if (updates.length === 0 || request.limit === 0) return Effect.void
        return Effect.zipRight(
          interfere(keyIndex, updates),
          Effect.sync(() => reach("window bound"))
        )
      })
  }
}

const witnessedTransport = (known: ReadonlySet<string>, { onFrame, reach }: Witness) =>
  Effect.map(
    BrontideTowerTransport.make(),
    (real): TowerTransport.Service => ({
      ...real,
      connect: (request) =>
        Effect.map(real.connect(request), (connection) => {
          const isQuestion = known.has(request.publicKey)
          return {
            ...connection,
            send: (message) =>
              Effect.suspend(() => {
                if (message._tag === "StateUpdate") onFrame(SessionId.make(request.publicKey), message.seqNum)
                return Effect.tap(connection.send(message), () =>
                  Effect.sync(() => {
                    if (message._tag === "StateUpdate") reach("update sent")
                    if (message._tag === "CreateSession" && isQuestion) reach("question sent")
                  })
                )
              }),
            receive: Effect.tap(connection.receive, (message) =>
              Effect.sync(() => {
                if (message._tag === "StateUpdateReply") reach("reply read")
                if (message._tag === "CreateSessionReply" && isQuestion) reach("question answered")
              })
            )
          }
        })
    })
  ).pipe(Effect.provide(NodeSocketDialer.layer))

/** The tower client of a plan, as long as the scope; its towers are added. */
export const backingUp = (plan: Plan, witness: Witness) =>
  Effect.gen(function* () {
    const { atFirstWindow, towers } = plan
    const { services, sql } = yield* openDb(plan, witness)
    const clientDb = Context.get(services, ClientDb)
    for (const text of towers) {
      const { address, publicKey } = yield* TowerUri.parse(text)
      yield* clientDb.createTower(publicKey, address)
    }
    const candidates = yield* Effect.provide(
      RoundRobinTowerCandidates.make({ pollInterval: Number.POSITIVE_INFINITY }),
      services
    )
    const known = new Set<SessionId>()
    const settings = yield* Options.validate({
      chain,
      copies,
      policies: [Policy.make(chain, { blobType: BlobType.altruistAnchorCommit, maxUpdates })],
      window: 3,
      hedgeDelay: "100 millis",
      silence: "300 millis",
      moveAfter: "500 millis",
      linger: "300 millis",
      renewInterval: "100 millis",
      pollInterval: "50 millis",
      negotiator: { minBackoff: "100 millis", maxBackoff: "1 second" }
    })
    const keys = Context.get(yield* Layer.build(keyRing), KeyRing)
    const made = yield* makeTowerClient(settings).pipe(
      Effect.provideService(TowerTransport, yield* witnessedTransport(known, witness)),
      Effect.provideService(TowerCandidates, candidates),
      Effect.provideService(KeyRing, keys),
      Effect.provideService(ClientDb, {
        ...clientDb,
        createClientSession: (...args) =>
          Effect.tap(clientDb.createClientSession(...args), () => Effect.sync(() => witness.reach("session taken")))
      }),
      Effect.provideService(
        BackupDb,
        witnessedDb(Context.get(services, BackupDb), sql, candidates, known, atFirstWindow, witness)
      )
    )
    made.listen(({ happening }) => {
      if (happening._tag === "CopyMade") witness.reach("copy reported")
      if (happening._tag === "SessionExhausted") witness.reach("session exhausted")
      if (happening._tag === "SessionTerminal") witness.reach("session terminal")
    })
    return made
  })
