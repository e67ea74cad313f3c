/**
 * The chain that a command is about, and its files, in `<data-dir>/<chain>/<network>/`. The database is one of these files,
 * or the Postgres database of DATABASE_URL.
 *
 * @since 0.1.0
 */
import * as os from "node:os"
import * as path from "node:path"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { invisibleIn, trimmed } from "../../internal/invisible.js"
import * as Table from "../../internal/optionTable.js"
import { ended } from "../../internal/sentence.js"
import * as KeyFile from "../../layers/KeyFile.js"
import * as PrivateFile from "../../layers/keys/privateFile.js"
import * as Databases from "../../layers/sql/databaseOptions.js"
import { partsOf, urlTrouble } from "../../layers/sql/postgresUrl.js"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import * as Chain from "../../schema/Chain.js"
import { CommandError, UsageError } from "./CliError.js"
import { commandText, Program } from "./commandText.js"
import * as flags from "./flags.js"
import { fromEnvironment, type Setting, setting, variable } from "./settings.js"

/** A chain, and the files of its client. @since 0.1.0 @category models */
export interface ClientPaths {
  readonly chain: Chain.AnyChain
  readonly folder: string
  /** The key file, and who may be able to read it. */
  readonly key: Omit<KeyFile.Options, "chain">
  readonly database: SqliteOrPostgres.Options
  /** A command of this program for the same client, to be pasted into a shell in any folder. */
  readonly command: (...words: ReadonlyArray<string>) => string
}

/** The flags that say which client is meant; every command has them. @since 0.1.0 @category config */
export const clientFlags = {
  chain: flags.values.chain,
  network: flags.values.network,
  dataDir: flags.values["data-dir"],
  keyReadableBy: flags.values["key-readable-by"]
}

const client = Table.table("wtclient", Chain.options.path, {
  chain: flags.options.chain,
  network: flags.options.network,
  dataDir: flags.options["data-dir"]
})

/** What these flags are called elsewhere. @since 0.1.0 @category config */
export const clientSettings = {
  chain: setting(client, "chain", "chain"),
  network: setting(client, "network", "network"),
  dataDir: setting(client, "dataDir", "data-dir"),
  keyReadableBy: setting(KeyFile.options, "readableBy", "key-readable-by")
}

/** The variable of the environment that has the URL of a Postgres database. @since 0.1.0 @category config */
export const databaseVariable = "DATABASE_URL"

/** The values of `clientFlags`. @since 0.1.0 @category models */
export interface ClientFlags {
  readonly chain: Option.Option<Chain.AnyChain["name"]>
  readonly network: Option.Option<string>
  readonly dataDir: Option.Option<string>
  readonly keyReadableBy: Option.Option<KeyFile.ReadableBy>
}

/** What a command uses where a flag is not given. @since 0.1.0 @category models */
export interface Defaults {
  readonly network: Record<Chain.AnyChain["name"], string>
  readonly dataDir: string
  /** Does the environment name the client and its database where flags do not? */
  readonly readsEnvironment: boolean
}

const usual: Defaults = {
  network: { bitcoin: "mainnet", decred: "mainnet" },
  dataDir: "~/.wtclient",
  readsEnvironment: true
}

/** Does each % begin a character that is written as %XX? The driver reads none of what it cannot take apart. */
const isEscaped = (text: string): boolean => {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** The URL of a Postgres database, if one is given; an empty one is none. */
const databaseUrl = (defaults: Defaults): Effect.Effect<Option.Option<Redacted.Redacted>, UsageError> =>
  Effect.gen(function* () {
    const given = defaults.readsEnvironment ? yield* variable(databaseVariable) : undefined
    const url = Option.fromNullable(given).pipe(
      Option.map((text) => Redacted.make(trimmed(text))),
      Option.filter((text) => Redacted.value(text) !== "")
    )
    if (Option.isNone(url)) return url
    if (!Databases.postgres.entries.url.kind.fits(url.value)) {
      return yield* new UsageError({ message: "DATABASE_URL must begin with postgresql://, or be empty." })
    }
    const text = Redacted.value(url.value)
    const found = invisibleIn(text)
    if (found !== undefined) return yield* new UsageError({ message: `DATABASE_URL cannot be read: ${found}.` })
    // What is not escaped ends the host's part: the rest of the password would be taken for something else, and be shown.
    const [authority = "", ...rest] = text.replace(/^[a-z]+:\/\//, "").split(/[/?#]/)
    const isCut = !authority.includes("@") && rest.some((part) => part.includes("@"))
    if (partsOf(text) === undefined || !isEscaped(text) || isCut) {
      return yield* new UsageError({
        message:
          "DATABASE_URL cannot be read. In a user name and a password / is written as %2F, # as %23, ? as %3F, @ as %40, : as %3A and % as %25."
      })
    }
    const trouble = urlTrouble(text)
    if (trouble !== undefined) return yield* new UsageError({ message: `In DATABASE_URL ${ended(trouble)}` })
    return url
  })

/** What a sentence calls the database; a URL may hold a password and is not shown. @since 0.1.0 @category combinators */
export const databaseName = ({ database }: ClientPaths): string =>
  SqliteOrPostgres.isPostgres(database) ? "of DATABASE_URL" : database.filename

/** A path with the home folder in the place of ~: a shell puts it there itself, but not in --data-dir=~/folder. */
const expanded = (folder: string): Effect.Effect<string, UsageError> =>
  /^~(?=\/|$)/.test(folder)
    ? Effect.try({
        try: () => path.join(os.homedir(), folder.slice(1)),
        // An account without an entry in the system's list of users, as containers have them.
        catch: () =>
          new UsageError({
            message:
              "This account has no home folder to keep the data in. Name a folder with --data-dir, or set the variable HOME."
          })
      })
    : Effect.succeed(path.resolve(folder))

/** The flags, and what the environment says where they are not given. */
const orEnvironment = (flags: ClientFlags, { readsEnvironment }: Defaults) => {
  const orElse = <Entry extends Table.AnyEntry>(flag: Option.Option<Table.InputOf<Entry>>, setting: Setting<Entry>) =>
    Option.isSome(flag) || !readsEnvironment ? Effect.succeed(Option.getOrUndefined(flag)) : fromEnvironment(setting)
  return Effect.all({
    chain: orElse(flags.chain, clientSettings.chain),
    network: orElse(flags.network, clientSettings.network),
    dataDir: orElse(flags.dataDir, clientSettings.dataDir),
    keyReadableBy: orElse(flags.keyReadableBy, clientSettings.keyReadableBy)
  })
}

/** The chain and the files that the flags name, or the environment where they do not. @since 0.1.0 @category combinators */
export const clientPaths = (flags: ClientFlags, defaults: Defaults = usual): Effect.Effect<ClientPaths, UsageError> =>
  Effect.gen(function* () {
    const { chain: name = "bitcoin", keyReadableBy, ...others } = yield* orEnvironment(flags, defaults)
    const { dataDir = defaults.dataDir, network = defaults.network[name] } = others
    const chain = Option.getOrUndefined(Chain.find(name, network))
    if (chain === undefined) {
      const networks = Chain.all.filter((one) => one.name === name).map((one) => one.network)
      return yield* new UsageError({ message: `${name} has no network "${network}". It has ${networks.join(", ")}.` })
    }
    const root = yield* expanded(dataDir)
    const folder = path.join(root, name, network)
    const url = yield* databaseUrl(defaults)
    const program = yield* Program
    const words = [
      ...(name === "bitcoin" ? [] : ["--chain", name]),
      ...(network === usual.network[name] ? [] : ["--network", network]),
      ...(dataDir === usual.dataDir ? [] : ["--data-dir", root]),
      ...(keyReadableBy === undefined || keyReadableBy === "owner" ? [] : ["--key-readable-by", keyReadableBy])
    ]
    return {
      chain,
      folder,
      key: { path: path.join(folder, "key"), readableBy: keyReadableBy },
      database: Option.match(url, {
        onNone: () => ({ filename: path.join(folder, "wtclient.db") }),
        onSome: (url) => ({ url })
      }),
      command: (...others) => commandText(program, [...others, ...words])
    }
  })

/** Makes the folder, for its owner alone, unless it exists. @since 0.1.0 @category combinators */
export const makeFolder = ({ folder }: ClientPaths): Effect.Effect<void, CommandError, FileSystem.FileSystem> =>
  Effect.mapError(
    PrivateFile.makeFolder(folder),
    (error) => new CommandError({ message: `The folder ${folder} cannot be made: ${PrivateFile.troubleOf(error)}.` })
  )
