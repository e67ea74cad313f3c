/**
 * A negotiator as applications have it: real sockets, real keys, a real database; with something to do at each breakpoint.
 */
import { SqlClient } from "@effect/sql"
import { Effect, Fiber, Layer, Logger, LogLevel, Redacted } from "effect"
import * as BrontideTowerTransport from "../../../../src/layers/BrontideTowerTransport.js"
import * as HdKeyRing from "../../../../src/layers/HdKeyRing.js"
import * as NodeSocketDialer from "../../../../src/layers/NodeSocketDialer.js"
import * as SessionNegotiator from "../../../../src/layers/negotiator/SessionNegotiator.js"
import * as PostgresClientDb from "../../../../src/layers/PostgresClientDb.js"
import * as RoundRobinTowerCandidates from "../../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqlClientDb from "../../../../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../../../../src/layers/SqliteClientDb.js"
import * as Chain from "../../../../src/schema/Chain.js"
import * as Policy from "../../../../src/schema/Policy.js"
import { RootKey } from "../../../../src/schema/RootKey.js"
import * as TowerUri from "../../../../src/schema/TowerUri.js"
import { ClientDb } from "../../../../src/services/ClientDb.js"
import { SocketDialer } from "../../../../src/services/SocketDialer.js"
import { TowerTransport } from "../../../../src/services/TowerTransport.js"
import { around } from "../../../layers/sql/recording.js"
import { aroundWrites } from "../../../support/aroundWrites.js"
import type { Breakpoint, Plan, Word } from "./plan.js"

export const chain = Chain.bitcoinRegtest
export const policy = Policy.defaults(chain)

/** The keys of every client: they are one identity. */
export const keyRing = HdKeyRing.layer({
  chain,
  root: RootKey.Seed({ bytes: Redacted.make(new Uint8Array(32).fill(7)) })
})

/** The listener of what happens. */
export interface Witness {
  readonly reach: (breakpoint: Breakpoint) => Effect.Effect<void>
  readonly say: (word: Word, ...more: ReadonlyArray<string>) => Effect.Effect<void>
}

export const noWitness: Witness = { reach: () => Effect.void, say: () => Effect.void }

export const isPostgres = (where: string) => where.startsWith("postgresql:")

/** The client of a database, and how to flush it. */
export const open = ({ where, storeTimeoutMs }: Pick<Plan, "where" | "storeTimeoutMs">) =>
  isPostgres(where)
    ? Effect.map(
        PostgresClientDb.client({ url: Redacted.make(where), maxConnections: 4, storeTimeout: storeTimeoutMs }),
        (sql) => ({ sql, flush: undefined })
      )
    : SqliteClientDb.open({ filename: where, storeTimeout: storeTimeoutMs })

export const client = (plan: Pick<Plan, "where" | "storeTimeoutMs">) => Effect.map(open(plan), ({ sql }) => sql)

/** The database of a plan; the transaction of a session is witnessed. */
export const openDb = (plan: Pick<Plan, "where" | "storeTimeoutMs" | "reserveNext">, { reach }: Witness = noWitness) =>
  Effect.gen(function* () {
    const sql = yield* client(plan)
    // One store at a time is witnessed: the clients negotiate one session after another.
    let storing = false
    const witnessed = around(sql, (text, statement) => {
      if (text.includes("INSERT INTO wt_session")) storing = true
      if (text === "ROLLBACK") storing = false
      if (!storing || text !== "COMMIT") return statement
      storing = false
      const commit = isPostgres(plan.where)
        ? // It was sent; its outcome is unknown.
          Effect.flatMap(Effect.fork(statement), (fiber) =>
            Effect.yieldNow().pipe(Effect.andThen(reach("at COMMIT")), Effect.andThen(Fiber.join(fiber)))
          )
        : Effect.zipLeft(statement, reach("at COMMIT"))
      return Effect.andThen(reach("in the transaction"), commit)
    })
    return yield* SqlClientDb.make({
      storeTimeout: plan.storeTimeoutMs,
      reserveNext: plan.reserveNext
    }).pipe(Effect.provideService(SqlClient.SqlClient, witnessed))
  })

/** The database of a plan; what its methods answer is witnessed. */
const database = (plan: Plan, witness: Witness) =>
  Layer.scoped(
    ClientDb,
    Effect.map(openDb(plan, witness), (db): ClientDb.Service => {
      const told = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
        Effect.tapError(effect, ({ _tag }) => witness.say("error", _tag))
      return {
        ...db,
        nextSessionKeyIndex: (...args) =>
          Effect.tap(told(db.nextSessionKeyIndex(...args)), ({ keyIndex }) =>
            Effect.andThen(witness.say("reserved", String(keyIndex)), witness.reach("reserve"))
          ),
        freeSessionKeyIndex: (...args) => told(db.freeSessionKeyIndex(...args)),
        createClientSession: (session, ...args) =>
          Effect.tap(told(db.createClientSession(session, ...args)), () =>
            Effect.andThen(witness.say("stored", session.id), witness.reach("store"))
          )
      }
    })
  )

const dialer = ({ reach }: Witness) =>
  Layer.succeed(SocketDialer, {
    ...NodeSocketDialer.make,
    dial: (address) =>
      NodeSocketDialer.make.dial(address).pipe(
        Effect.tap(() => reach("dial")),
        Effect.flatMap((socket) => {
          let writes = 0
          return aroundWrites(socket, (write) =>
            Effect.tap(write, () => {
              writes += 1
              return writes === 1 ? reach("act one") : writes === 2 ? reach("act three") : Effect.void
            })
          )
        })
      )
  })

const transport = (witness: Witness) =>
  Layer.effect(
    TowerTransport,
    Effect.map(
      BrontideTowerTransport.make(),
      (real): TowerTransport.Service => ({
        ...real,
        connect: (request) =>
          Effect.map(
            real.connect({
              ...request,
              onProgress: (progress) =>
                Effect.andThen(
                  request.onProgress(progress),
                  progress === "actTwo" ? witness.reach("act two") : Effect.void
                ),
              ecdh: (point) =>
                Effect.tap(request.ecdh(point), () => witness.say("shown", request.tower, request.publicKey))
            }),
            (connection) => ({
              ...connection,
              send: (message) =>
                Effect.tap(connection.send(message), () =>
                  witness.reach(message._tag === "Init" ? "Init sent" : "CreateSession")
                ),
              receive: Effect.tap(connection.receive, (message) =>
                message._tag === "Init"
                  ? witness.reach("Init")
                  : Effect.andThen(witness.say("accepted", request.publicKey), witness.reach("reply"))
              )
            })
          )
      })
    )
  ).pipe(Layer.provide(dialer(witness)))

/** The negotiator of a plan, as long as the scope; its towers are added. */
export const negotiating = (plan: Plan, witness: Witness = noWitness) =>
  Layer.build(
    SessionNegotiator.layer({
      chain,
      policy,
      minBackoff: "100 millis",
      maxBackoff: "1 second",
      // One visit at a time, however slow the machine is.
      hedgeDelay: "30 seconds"
    }).pipe(
      Layer.provide(RoundRobinTowerCandidates.layer({ pollInterval: Infinity })),
      Layer.provide(transport(witness)),
      Layer.provide(
        Layer.effectDiscard(
          Effect.flatMap(ClientDb, (db) =>
            Effect.forEach(plan.towers, (text) =>
              Effect.flatMap(TowerUri.parse(text), ({ address, publicKey }) => db.createTower(publicKey, address))
            )
          )
        )
      ),
      Layer.provideMerge(database(plan, witness)),
      Layer.provide(keyRing),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None))
    )
  )
