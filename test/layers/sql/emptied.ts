/** One database for all cases of a suite, made as new for each: connecting and migrating for each would be most of their time. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, ManagedRuntime, Redacted, type Scope } from "effect"
import * as PostgresClientDb from "../../../src/layers/PostgresClientDb.js"
import { Elapse } from "../../services/ClientDb/contract.js"
import { connect } from "./postgres.js"
import { truncate } from "./tables.js"

/** Where the client finds it; `direct`: where it is found without a pooler that is in between. */
interface Found {
  readonly to: string
  readonly direct?: string
}

/** The server's clock judges leases and cannot be set; so what it judges is moved. */
export const elapseOf =
  (sql: PgClient.PgClient): typeof Elapse.Service =>
  (ms) =>
    Effect.orDie(
      Effect.andThen(
        sql`UPDATE wt_reservation SET since = since - ${ms}::float8`,
        Effect.asVoid(sql`UPDATE wt_client SET since = since - ${ms}::float8`)
      )
    )

/** The layer of the cases, and what ends the database. */
export const make = (found: Effect.Effect<Found, never, Scope.Scope>) => {
  const shared = ManagedRuntime.make(
    Layer.scopedContext(
      Effect.gen(function* () {
        const { to, direct = to } = yield* found
        const services = yield* PostgresClientDb.services({ url: Redacted.make(to) })
        return Context.add(services, PgClient.PgClient, yield* connect(direct))
      })
    )
  )
  const layer = Layer.effectContext(
    Effect.gen(function* () {
      const { context } = yield* Effect.promise(() => shared.runtime())
      const sql = Context.get(context, PgClient.PgClient)
      yield* truncate(sql)
      return Context.add(context, Elapse, elapseOf(sql))
    })
  )
  return { layer, dispose: () => shared.dispose() }
}
