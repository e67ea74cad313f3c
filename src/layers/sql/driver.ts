/**
 * The database that a name means: the path of a SQLite file, or the address of a Postgres database, which holds a password
 * and is therefore redacted. A driver is loaded when it is used, and only the one that is: it costs start-up time.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { DatabaseTooNew, DbError } from "../../schema/DbError.js"
import type { PackageMissing } from "../../schema/PackageMissing.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { load } from "../optional.js"

/** A path or an address. @since 0.1.0 @category models */
export type Name = string | Redacted.Redacted<string>

const postgres = load("a Postgres database", () => import("../PostgresClientDb.js"))
const sqlite = load("a SQLite database", () => import("../SqliteClientDb.js"))

/** The database; a file is created when there is none. @since 0.1.0 @category layers */
export const clientDb = (name: Name): Layer.Layer<ClientDb, DbError | DatabaseTooNew | PackageMissing> =>
  Layer.unwrapEffect(
    Redacted.isRedacted(name)
      ? Effect.map(postgres, ({ layer }) => layer({ url: name }))
      : Effect.map(sqlite, ({ layer }) => layer({ filename: name }))
  )

/** Its SQL client, for what the port does not offer. @since 0.1.0 @category constructors */
export const sqlClient = (name: Name): Effect.Effect<SqlClient, DbError | PackageMissing, Scope.Scope> =>
  Redacted.isRedacted(name)
    ? Effect.flatMap(postgres, ({ client }) => client({ url: name }))
    : Effect.flatMap(sqlite, ({ client }) => client({ filename: name }))
