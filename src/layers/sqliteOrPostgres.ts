/**
 * The database of some options: a SQLite file when they have a `filename`, a Postgres database when they have a `url`. A
 * driver is loaded when it is used, since that costs start-up time, and the other one may not be installed.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { DatabaseTooNew, DbError } from "../schema/DbError.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import type { PackageMissing } from "../schema/PackageMissing.js"
import type * as PostgresClientDb from "./PostgresClientDb.js"
import type { Services } from "./SqlClientDb.js"
import type * as SqliteClientDb from "./SqliteClientDb.js"
import { load } from "./support/optionalPackage.js"

/** The options of a SQLite file, or those of a Postgres database. @since 0.1.0 @category models */
export type Options = SqliteClientDb.Options | PostgresClientDb.Options

/** Whether these are the options of a Postgres database. @since 0.1.0 @category guards */
export const isPostgres = (options: Options): options is PostgresClientDb.Options =>
  Predicate.hasProperty(options, "url")

const postgres = load("a Postgres database", () => import("./PostgresClientDb.js"))
const sqlite = load("a SQLite database", () => import("./SqliteClientDb.js"))

/** The database; a file is created when there is none. @since 0.1.0 @category layers */
export const clientDb = (
  options: Options
): Layer.Layer<Services, InvalidOptions | DbError | DatabaseTooNew | PackageMissing> =>
  Layer.unwrapEffect(
    isPostgres(options)
      ? Effect.map(postgres, ({ layer }) => layer(options))
      : Effect.map(sqlite, ({ layer }) => layer(options))
  )

/** Its SQL client, for what `ClientDb` does not offer. @since 0.1.0 @category constructors */
export const sqlClient = (
  options: Options
): Effect.Effect<SqlClient, InvalidOptions | DbError | PackageMissing, Scope.Scope> =>
  isPostgres(options)
    ? Effect.flatMap(postgres, ({ client }) => client(options))
    : Effect.flatMap(sqlite, ({ client }) => client(options))
