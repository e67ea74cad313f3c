/**
 * The options of `wtclient run`: those of the layers that it is made of, and its own. Which client is meant is not among them: every
 * command has to know that, and no other one reads the file (`clientSettings`).
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Struct from "effect/Struct"
import * as Table from "../../internal/optionTable.js"
import * as BrontideTowerTransport from "../../layers/BrontideTowerTransport.js"
import * as TowerClient from "../../layers/backup/Options.js"
import * as Negotiator from "../../layers/negotiator/Options.js"
import * as SocksSocketDialer from "../../layers/SocksSocketDialer.js"
import * as Databases from "../../layers/sql/databaseOptions.js"
import * as Policy from "../../schema/Policy.js"
import * as flags from "./flags.js"
import { type Setting, setting } from "./settings.js"

const { options } = flags

/** Where it listens. These alone cannot change while it runs. @since 0.1.0 @category config */
export const listening = Table.table("wtclient run", [], { listen: options.listen, socket: options.socket })

const policy = Table.table("wtclient run", Policy.options.path, {
  blobType: flags.blobTypeList,
  maxUpdates: options["max-updates"],
  sweepFeeRate: options["sweep-fee-rate"]
})

// How often to look for what other processes have added has one name in two layers, and both take the same value.
const backup = Table.table("TowerClient", TowerClient.options.path, {
  ...Struct.omit(TowerClient.options.entries, "pollInterval"),
  spare: options.spare
})

const log = Table.table("wtclient run", ["log"], { level: flags.logLevel, format: options["log-format"] })

const telemetry = Table.table("wtclient run", ["otlp"], { endpoint: options["otlp-endpoint"] })

// Where the database is, is said to every command.
const sqlite = Table.table("SqliteClientDb", Databases.sqlite.path, Struct.omit(Databases.sqlite.entries, "filename"))
const postgres = Table.table(
  "PostgresClientDb",
  Databases.postgres.path,
  Struct.omit(Databases.postgres.entries, "url")
)

/** All options as the layers take them; what is not there is left to the default. @since 0.1.0 @category config */
export const config = Config.all({
  listening: Table.config(listening),
  policy: Table.config(policy),
  negotiator: Table.config(Negotiator.options),
  backup: Table.config(backup),
  transport: Table.config(BrontideTowerTransport.options),
  proxy: Table.configIfGiven(SocksSocketDialer.options),
  sqlite: Table.config(sqlite),
  postgres: Table.config(postgres),
  log: Table.config(log),
  telemetry: Table.config(telemetry)
})

/** @since 0.1.0 @category models */
export type Inputs = Config.Config.Success<typeof config>

const all = <Options extends Table.Entries>(
  table: Table.Table<Options>,
  flagOf: { readonly [Name in keyof Options]?: string } = {}
): ReadonlyArray<Setting> => Object.keys(table.entries).map((name) => setting(table, name, flagOf[name]))

const proxyOf = (text: string) => options.proxy.kind.parse(text)

/** The same options one by one, in the order in which they are printed. @since 0.1.0 @category config */
export const settings: ReadonlyArray<Setting> = [
  ...all(listening, { listen: "listen", socket: "socket" }),
  ...all(policy, { blobType: "blob-type", maxUpdates: "max-updates", sweepFeeRate: "sweep-fee-rate" }),
  ...all(backup, { spare: "spare", copies: "copies" }),
  // One flag has both.
  { ...setting(SocksSocketDialer.options, "host", "proxy"), ofFlag: (text) => proxyOf(text)?.host ?? text },
  { ...setting(SocksSocketDialer.options, "port", "proxy"), ofFlag: (text) => String(proxyOf(text)?.port ?? text) },
  ...all(log, { level: "log-level", format: "log-format" }),
  // All programs that export to a collector read this name.
  { ...setting(telemetry, "endpoint", "otlp-endpoint"), environment: "OTEL_EXPORTER_OTLP_ENDPOINT" },
  ...all(Negotiator.options),
  ...all(BrontideTowerTransport.options),
  ...all(sqlite),
  ...all(postgres)
]
