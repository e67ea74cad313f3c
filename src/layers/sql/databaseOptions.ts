/**
 * The options of the databases. They stand apart from the layers, because those load their drivers.
 *
 * @since 0.1.0
 */
import * as Table from "../../internal/optionTable.js"

const storeTimeout = Table.withDefault(
  Table.time(),
  "5 seconds",
  "The time for an operation on the database; on SQLite the time to wait for a lock"
)
const reserveNext = Table.withDefault(
  Table.truth,
  true,
  "Storing a session reserves the next key index for the same tower, which saves a sync of the disk"
)

/** Any `SqlClient`. @since 0.1.0 @category config */
export const sql = Table.table("SqlClientDb", ["sql"], { storeTimeout, reserveNext })

/** A SQLite file. @since 0.1.0 @category config */
export const sqlite = Table.table("SqliteClientDb", ["sqlite"], {
  filename: Table.required(
    Table.path("the path of a SQLite file, or :memory:"),
    "The SQLite file; it and its folder are created. :memory: is a database that ends with its scope"
  ),
  storeTimeout,
  reserveNext
})

/** A Postgres database. @since 0.1.0 @category config */
export const postgres = Table.table("PostgresClientDb", ["postgres"], {
  url: Table.required(
    Table.secret("a URL that begins with postgresql:// or postgres://", /^postgres(ql)?:\/\//),
    "The Postgres database, with user and password: postgresql://user:password@host:port/database"
  ),
  storeTimeout,
  reserveNext,
  maxConnections: Table.withDefault(
    Table.wholeNumber({ least: 1, unit: "connections" }),
    10,
    "The most connections of this process"
  )
})
