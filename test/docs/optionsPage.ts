/**
 * docs/options.md, from the tables of options.
 */
import * as Configuration from "../../src/cli/support/configuration.js"
import * as flags from "../../src/cli/support/flags.js"
import * as ServiceOptions from "../../src/cli/support/serviceOptions.js"
import * as Table from "../../src/internal/optionTable.js"
import * as BrontideTowerTransport from "../../src/layers/BrontideTowerTransport.js"
import * as TowerClient from "../../src/layers/backup/TowerClient.js"
import * as HdKeyRing from "../../src/layers/HdKeyRing.js"
import * as KeyFile from "../../src/layers/KeyFile.js"
import * as SessionNegotiator from "../../src/layers/negotiator/SessionNegotiator.js"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as RoundRobinTowerCandidates from "../../src/layers/RoundRobinTowerCandidates.js"
import * as SocksSocketDialer from "../../src/layers/SocksSocketDialer.js"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../src/schema/Chain.js"
import * as Policy from "../../src/schema/Policy.js"

/** The tables that configuration reads, with what the page says above each. */
export const configured: ReadonlyArray<readonly [table: Table.Table, about: string]> = [
  [Chain.options, "A program gives a `Chain`, such as `Chain.bitcoinMainnet`. Several layers read these two names."],
  [
    Policy.options,
    "A program gives `policy: Policy.defaults(chain)`, or `Policy.make(chain, { blobType, ... })` with some of these fields."
  ],
  [SessionNegotiator.options, "Options of `make`, `layer` and `layerOf`, besides `chain` and `policy`."],
  [BrontideTowerTransport.options, "`timeouts` in `NodeWatchtower`."],
  [RoundRobinTowerCandidates.options, ""],
  [SocksSocketDialer.options, "`proxy` in `NodeWatchtower`."],
  [SqliteClientDb.options, "`database` in `NodeWatchtower`."],
  [PostgresClientDb.options, "`database` in `NodeWatchtower`. [database.md](database.md) says what the URL may hold."],
  [SqlClientDb.options, "For a `SqlClient` of your own."],
  [KeyFile.options, "`key` in `NodeWatchtower`; a key layer of its own takes the chain too."],
  [HdKeyRing.options, "`key` in `NodeWatchtower`, instead of a file; a key layer of its own takes the chain too."]
]

/** The tables that only programs use. */
export const others: ReadonlyArray<readonly [table: Table.Table, about: string]> = [
  [
    TowerClient.options,
    "Options of `TowerClient` and of `NodeWatchtower.towerClient`, besides `chain`, `policies`, `spareBlobTypes` and `negotiator`."
  ],
  [NodeLoopbackTower.options, "A tower for tests and demonstrations; `LoopbackTower` has the same times."]
]

const cell = (text: string): string => text.replaceAll("|", "\\|")

const rows = (header: ReadonlyArray<string>, lines: ReadonlyArray<ReadonlyArray<string>>): string =>
  [header, header.map(() => "---"), ...lines].map((line) => `| ${line.map(cell).join(" | ")} |`).join("\n")

const flagEntries = Object.entries({ ...flags.options, ...flags.switchOptions })

/** The flag of an option: what the command line says of it is the same sentence. */
const flagOf = ({ sentence }: Table.AnyEntry): string => {
  const found = flagEntries.find(([, entry]) => entry.sentence === sentence)
  return found === undefined ? "" : `\`--${found[0]}\``
}

const defaultOf = ({ default: words, presence }: Table.AnyEntry): string => (presence === "required" ? "none" : words)

const section = ([table, about]: readonly [Table.Table, string], isConfigured: boolean): string => {
  const lines = Object.entries(table.entries).map(([name, entry]) => [
    `\`${name}\``,
    ...(isConfigured ? [`\`${Table.environmentName(table, name)}\``, flagOf(entry)] : []),
    Table.takes(entry.kind),
    defaultOf(entry),
    entry.sentence
  ])
  const header = ["option", ...(isConfigured ? ["environment", "flag"] : []), "takes", "default", "what it is"]
  return [`## ${table.layer}`, ...(about === "" ? [] : [about]), rows(header, lines)].join("\n\n")
}

const known = new Set(configured.flatMap(([{ entries }]) => Object.values(entries).map(({ sentence }) => sentence)))

const onlyFlags = rows(
  ["flag", "takes", "default", "what it is"],
  flagEntries
    .filter(([, { sentence }]) => !known.has(sentence))
    .map(([name, entry]) => [
      `\`--${name}\``,
      entry.kind === Table.truth ? "no value" : Table.takes(entry.kind),
      defaultOf(entry),
      entry.sentence
    ])
)

const introduction = `# Options

The source has one table of options for each layer. Types, defaults, checks, \`config\`, the names in the environment and the flags
follow from these tables, and so does this page (\`npm run docs:options\` writes it; a test fails when it is out of date).

* **In a program** options are plain data: \`SessionNegotiator.layer({ chain, policy, minBackoff: "5 seconds" })\`. What is left out is
  the default. A time is a \`Duration.DurationInput\`: \`"90 seconds"\`, or a number of milliseconds.
* **From configuration** every layer has \`layerConfig\`, which reads \`config\`. All names are nested under \`watchtower\`; in the
  environment they are those below.

  \`\`\`ts
  import { ConfigProvider, Layer } from "effect"
  import * as NodeWatchtower from "effect-watchtower/layers/NodeWatchtower"

  const environment = ConfigProvider.fromEnv().pipe(ConfigProvider.constantCase)
  export const watchtower = Layer.provide(NodeWatchtower.layerConfig(), Layer.setConfigProvider(environment))
  \`\`\`

  Several negotiators read from places of their own:
  \`SessionNegotiator.layerConfigOf(Taproot, Config.nested(SessionNegotiator.config, "taproot"))\` reads
  \`TAPROOT_WATCHTOWER_BLOB_TYPE\` and so on.
* **On the command line** some options are flags; \`wtclient COMMAND --help\` lists those of a command. \`wtclient run\` takes its options
  from a file and from the environment too, under the names at the end of this page. Of the environment the other commands read what
  says which client is meant, and \`DATABASE_URL\`.

A value that is not taken is refused when the layer is built, with one sentence: \`InvalidOptions\`, \`InvalidPolicy\`, or
\`ConfigError\` for a text that cannot be read.

## What a default is for

A default is what a new client should do today, against the towers that there are today. The blob type is \`anchor\`, because anchor
channels are what nodes open. It says nothing about sessions that are there: each keeps the policy that it was made with. A session
backs up channels of one type, so a node with channels of several types runs one negotiator for each. A default can change with a
version of this package; give the value if you depend on it.

## NodeWatchtower

\`NodeWatchtower.layer\` takes the chain, the options of \`SessionNegotiator\` (the policy may be left out) and of
\`RoundRobinTowerCandidates\`, and where things are:

* \`key\`: the path of a key file, the options of \`KeyFile\`, or a key (the options of \`HdKeyRing\`);
* \`database\`: \`{ filename: "sessions.db" }\`, a SQLite file, or \`{ url: Redacted.make("postgresql://...") }\`, a Postgres database,
  with the other options of \`SqliteClientDb\` or \`PostgresClientDb\` beside it;
* \`proxy\` (none): the options of \`SocksSocketDialer\`;
* \`timeouts\`: the options of \`BrontideTowerTransport\`.

\`NodeWatchtower.layerConfig()\` reads them all. It needs the chain, either \`WATCHTOWER_KEY_FILE_PATH\` or \`WATCHTOWER_KEY_RING_ROOT\`, and
either \`WATCHTOWER_SQLITE_FILENAME\` or \`WATCHTOWER_POSTGRES_URL\`.

\`NodeWatchtower.towerClient\` takes the options of \`TowerClient\` in place of those of \`SessionNegotiator\`, and
\`NodeWatchtower.towerClientConfig()\` reads them: \`WATCHTOWER_MAX_UPDATES\` and \`WATCHTOWER_SWEEP_FEE_RATE\` are then for the sessions of
every blob type.`

const ofService = rows(
  ["in the file", "environment", "flag", "takes", "default", "what it is"],
  Configuration.settings.map(({ entry, environment, flag, key }) => [
    ServiceOptions.settings.some((one) => one.key === key) ? `\`${key}\`` : "",
    `\`${environment}\``,
    flag === undefined ? "" : `\`--${flag}\``,
    Table.takes(entry.kind),
    defaultOf(entry),
    entry.sentence
  ])
)

/** The page. */
export const page = `${[
  introduction,
  ...configured.map((one) => section(one, true)),
  ...others.map((one) => section(one, false)),
  `## Only on the command line\n\n${onlyFlags}`,
  `## wtclient run\n\nWhat the service takes from its file, the environment and flags ([service.md](service.md), Configuration).\n\n${ofService}`
].join("\n\n")}\n`
