/**
 * `wtclient run --print-config`: each option with its value, and where that comes from.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import type { UsageError } from "./CliError.js"
import { type ClientPaths, clientSettings, databaseVariable } from "./clientPaths.js"
import { type Configuration, fromFlagOrEnvironment, type Given, Origin, settings } from "./configuration.js"
import { table } from "./table.js"

/** A line of the report. @since 0.1.0 @category models */
export interface Row {
  readonly option: string
  readonly value: string
  readonly from: string
}

const originText = Origin.$match({
  Flag: ({ name }) => `flag --${name}`,
  Environment: ({ name }) => `environment ${name}`,
  File: ({ line, path }) => `file ${path}, line ${line}`
})

const rowOf = (option: string, given: Given | undefined, usual: string): Row => ({
  option,
  value: given?.text ?? usual,
  from: given === undefined ? "default" : originText(given.origin)
})

const hidden = "***"

/** What a database is called where all of it is shown but its password. @since 0.1.0 @category combinators */
export const shownDatabase = ({ database }: ClientPaths): string => {
  if (!SqliteOrPostgres.isPostgres(database)) return database.filename
  const url = new URL(Redacted.value(database.url))
  if (url.password !== "") url.password = hidden
  if (url.searchParams.has("password")) url.searchParams.set("password", hidden)
  return url.href
}

const databaseRow = (client: ClientPaths): Row => ({
  option: "database",
  value: shownDatabase(client),
  from: SqliteOrPostgres.isPostgres(client.database) ? `environment ${databaseVariable}` : "default"
})

/** The whole configuration of a client. @since 0.1.0 @category combinators */
export const rowsOf = (
  client: ClientPaths,
  { file, given }: Configuration
): Effect.Effect<ReadonlyArray<Row>, UsageError> =>
  Effect.gen(function* () {
    const usual: { readonly [key: string]: string } = {
      config: file ?? "none",
      [clientSettings.chain.key]: client.chain.name,
      [clientSettings.network.key]: client.chain.network
    }
    const rows = yield* Effect.forEach(settings, (one) =>
      Effect.map(fromFlagOrEnvironment(one), (near) =>
        rowOf(one.key, given.get(one.key) ?? near, usual[one.key] ?? (one.entry.default || "none"))
      )
    )
    // It listens in one place.
    const unused = given.has("socket") ? "listen" : "socket"
    return [...rows.filter(({ option }) => option !== unused), databaseRow(client)]
  })

/** The report for people. @since 0.1.0 @category combinators */
export const reportOf = (rows: ReadonlyArray<Row>, width: number | undefined): string =>
  table<Row>(
    [[["OPTION", ({ option }) => option]], [["VALUE", ({ value }) => value]], [["FROM", ({ from }) => from]]],
    rows,
    width
  )
