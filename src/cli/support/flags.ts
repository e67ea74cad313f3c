/**
 * All flags of `wtclient`, from the tables of options. The keys of `values` and `switches` are the flags' names. A value that
 * is not allowed is refused with a sentence that names the flag.
 *
 * @since 0.1.0
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Table from "../../internal/optionTable.js"
import * as TowerClient from "../../layers/backup/Options.js"
import * as HdKeyRing from "../../layers/HdKeyRing.js"
import * as KeyFile from "../../layers/KeyFile.js"
import * as SocksSocketDialer from "../../layers/SocksSocketDialer.js"
import * as BlobType from "../../schema/BlobType.js"
import * as Chain from "../../schema/Chain.js"
import { ClientSession } from "../../schema/ClientSession.js"
import { KeyLayout } from "../../schema/KeyLayout.js"
import * as Policy from "../../schema/Policy.js"
import * as TowerAddress from "../../schema/TowerAddress.js"
import * as LogFormat from "./logFormat.js"

const proxyPort = SocksSocketDialer.options.entries.port.fallback

const hostAndPort: Table.Kind<SocksSocketDialer.Options> = {
  ...Table.text("host:port"),
  unit: `the default port is ${proxyPort}`,
  parse: (text) => Either.getOrUndefined(Either.map(TowerAddress.parse(text, proxyPort), TowerAddress.hostPort)),
  read: () => undefined,
  fits: () => true
}

/** Where `wtclient run` listens unless told otherwise, beside the port of towers. @since 0.1.0 @category config */
export const usualListen = { host: "127.0.0.1", port: 9912 } as const

const hosts: Readonly<Record<string, "127.0.0.1" | "::1">> = {
  "127.0.0.1": "127.0.0.1",
  localhost: "127.0.0.1",
  "::1": "::1"
}

/** What is not on this machine is refused: who may use the service is checked by nothing but its token. */
const loopback: Table.Kind<{ readonly host: "127.0.0.1" | "::1"; readonly port: number }> = {
  ...Table.text("127.0.0.1:PORT, localhost:PORT or [::1]:PORT"),
  parse: (text) => {
    const address = Option.getOrUndefined(Either.getRight(TowerAddress.parse(text, usualListen.port)))
    if (address === undefined) return undefined
    const { host, port } = TowerAddress.hostPort(address)
    const known = hosts[host]
    return known && { host: known, port }
  },
  read: () => undefined,
  fits: () => true
}

/** The client of HTTP sends no user name of a URL, and what is shown of an option must hold no password. */
const collector: Table.Kind<string> = {
  ...Table.text("a URL that begins with http:// or https://, without a user name"),
  fits: (given) => {
    if (typeof given !== "string" || !/^https?:\/\//.test(given) || !URL.canParse(given)) return false
    const { password, username } = new URL(given)
    return username === "" && password === ""
  }
}

/** The options behind the flags that take a value: those of the library, and those of the command line alone. @since 0.1.0 @category config */
export const options = {
  chain: { ...Chain.options.entries.chain, default: "bitcoin" },
  network: { ...Chain.options.entries.network, default: "mainnet; demo: regtest or simnet" },
  "data-dir": Table.optional(
    Table.path("the path of a folder"),
    "~/.wtclient; demo: .wtclient-demo",
    "Where keys and databases are kept"
  ),
  "blob-type": {
    ...Policy.options.entries.blobType,
    default: "anchor; policy, sessions and doctor --create: all"
  },
  "max-updates": Policy.options.entries.maxUpdates,
  "sweep-fee-rate": Policy.options.entries.sweepFeeRate,
  proxy: Table.optional(hostAndPort, "none", "A SOCKS5 proxy, such as Tor's, for every connection"),
  count: Table.optional(
    Table.wholeNumber({ least: 1, most: 1_000_000, unit: "sessions, or key indexes" }),
    "1; db skip-keys: random, 100000 to 1000000",
    "How many"
  ),
  import: Table.optional(
    Table.path("the path of a file, or - for standard input"),
    "a new key",
    "Read the seed (hex) or the extended private key from there"
  ),
  status: Table.optional(
    Table.oneOf(ClientSession.fields.status.literals),
    "all",
    "Show the sessions of this status; those of removed and deactivated towers are inactive"
  ),
  // Nine digits: a larger number may not fit into the database's 32 bits.
  tower: Table.optional(
    Table.text("a public key, or the number of a tower", /^(0[23][0-9a-f]{64}(@.*)?|[1-9]\d{0,8})$/i),
    "all",
    "Show the sessions with this tower"
  ),
  "key-readable-by": KeyFile.options.entries.readableBy,
  layout: HdKeyRing.options.entries.layout,
  account: HdKeyRing.options.entries.account,
  listen: Table.optional(loopback, "127.0.0.1:9912", "Where to listen: an address of this machine alone, and a port"),
  socket: Table.optional(
    Table.path("the path of a unix socket"),
    "none",
    "Listen on a unix socket instead, which its owner alone can use"
  ),
  // A state that waits for its first session is a state that no tower has.
  spare: Table.withDefault(TowerClient.options.entries.spare.kind, 1, TowerClient.options.entries.spare.sentence),
  copies: TowerClient.options.entries.copies,
  port: Table.optional(
    Table.wholeNumber({ least: 1, most: 0xffff }),
    "any, and then always the same",
    "The port to listen on"
  ),
  config: Table.optional(
    Table.path("the path of a file"),
    "wtclient.toml beside the key file, if it is there",
    "The configuration file of the service, in TOML"
  ),
  "log-format": Table.withDefault(
    Table.oneOf(LogFormat.names),
    "text",
    "How the lines of the log look: text for people, logfmt and json for programs"
  ),
  "otlp-endpoint": Table.optional(
    collector,
    "none",
    "A collector of OpenTelemetry, which is sent logs, metrics and traces as JSON over HTTP"
  )
} as const

/** The options behind the flags that are given or not. @since 0.1.0 @category config */
export const switchOptions = {
  json: Table.withDefault(Table.truth, false, "Print JSON on standard output, and nothing else"),
  check: Table.withDefault(
    Table.truth,
    false,
    "End with code 1 where no session can take updates, or no tower can be asked"
  ),
  create: Table.withDefault(
    Table.truth,
    false,
    "Ask for a session of each blob type with a key that is thrown away, and delete it again"
  ),
  full: Table.withDefault(Table.truth, false, "Show whole keys, and lines that are wider than the terminal"),
  "legacy-coin-type": HdKeyRing.options.entries.legacyCoinType,
  "check-config": Table.withDefault(
    Table.truth,
    false,
    "Check the configuration and what it names, and end; start nothing"
  ),
  "print-config": Table.withDefault(
    Table.truth,
    false,
    "Print each option of the service with its value, and where that comes from, and end; start nothing"
  )
} as const

/** What the help text calls the value of each flag. */
const placeholders: Record<keyof typeof options, string> = {
  chain: "bitcoin|decred",
  network: "NAME",
  "data-dir": "DIR",
  "key-readable-by": "owner|group|everyone",
  "blob-type": "TYPE",
  "max-updates": "N",
  "sweep-fee-rate": "RATE",
  proxy: "HOST:PORT",
  count: "N",
  import: "FILE|-",
  status: "STATUS",
  tower: "PUBLICKEY|NUMBER",
  layout: "lnd|dcrlnd|dcrlndRemote",
  account: "N",
  port: "N",
  listen: "HOST:PORT",
  socket: "PATH",
  spare: "N",
  copies: "N",
  config: "FILE",
  "log-format": LogFormat.names.join("|"),
  "otlp-endpoint": "URL"
}

const flag = <Input, Value, Presence extends "required" | "default" | "optional">(
  entry: Table.Entry<Input, Value, Presence>,
  name: keyof typeof options
) =>
  Options.text(name).pipe(
    Options.withPseudoName(placeholders[name]),
    Options.withDescription(Table.description(entry)),
    Options.mapEffect((text) =>
      Either.mapLeft(Table.fromText(`--${name}`, entry, text), (sentence) =>
        ValidationError.invalidValue(HelpDoc.p(sentence))
      )
    ),
    Options.optional
  )

/** The flags that can be given several times; then their values are a list. @since 0.1.0 @category config */
export const lists: ReadonlyArray<string> = ["blob-type"]

/** A list of this kind, between commas. */
const listOf = <Value>(kind: Table.Kind<Value>): Table.Kind<ReadonlyArray<Value>> => ({
  ...kind,
  range: `${kind.range}; several between commas, with the flag several times, or in the file as a list`,
  read: () => undefined,
  fits: (given) => Array.isArray(given) && given.length > 0 && given.every(kind.fits),
  parse: (text) => {
    const parts = text.split(",").map(kind.parse)
    return parts.every((part) => part !== undefined) ? parts : undefined
  },
  show: Table.quoted
})

const { blobType } = Policy.options.entries

/** Several blob types. @since 0.1.0 @category config */
export const blobTypeList = Table.optional(
  listOf(blobType.kind),
  "anchor",
  "Keep unused sessions of this blob type; states of all types are taken"
)

/** `--blob-type` of a command that takes several. @since 0.1.0 @category config */
export const blobTypes = flag(blobTypeList, "blob-type")

/** The flags that take a value. @since 0.1.0 @category config */
// The type goes through `options` name by name, as `Record.map` does.
export const values = Record.map(options, (entry: Table.AnyEntry, name) => flag(entry, name)) as {
  readonly [Name in keyof typeof options]: Options.Options<Option.Option<Table.InputOf<(typeof options)[Name]>>>
}

/** The flags that are given or not. @since 0.1.0 @category config */
export const switches = Record.map(switchOptions, (entry, name) =>
  Options.boolean(name).pipe(Options.withDescription(entry.sentence))
)

const logLevels = ["all", "trace", "debug", "info", "warning", "error", "fatal", "none"] as const

/** From which level on the service logs. @since 0.1.0 @category config */
export const logLevel = Table.withDefault(Table.oneOf(logLevels), "info", "Log to standard error from this level on")

/** The flags that @effect/cli has of its own, and the values that they take. @since 0.1.0 @category config */
export const builtIn = {
  values: {
    "log-level": logLevels,
    completions: ["sh", "bash", "fish", "zsh"]
  },
  switches: ["help", "version"]
} as const

/** The flags that the program takes itself, whatever the command: no command sees them. @since 0.1.0 @category config */
export const own = ["quiet"] as const

/** The values of flags that a shell can offer. @since 0.1.0 @category config */
export const choices: { readonly [name: string]: ReadonlyArray<string> } = {
  ...builtIn.values,
  chain: [...new Set(Chain.all.map(({ name }) => name))],
  network: [...new Set(Chain.all.map(({ network }) => network))],
  "blob-type": Object.keys(BlobType.byName),
  status: ClientSession.fields.status.literals,
  layout: KeyLayout.literals,
  "key-readable-by": KeyFile.readers,
  "log-format": LogFormat.names
}

/** What each flag is for. @since 0.1.0 @category config */
export const sentences: { readonly [name: string]: string } = {
  ...Record.map(options, ({ sentence }) => sentence),
  ...Record.map(switchOptions, ({ sentence }) => sentence),
  "log-level": logLevel.sentence,
  completions: "Print a script that completes commands in a shell",
  help: "Show how a command is called",
  version: "Show the version",
  quiet: "Leave out the steps and the progress"
}
