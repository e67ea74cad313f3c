/**
 * What holds for a service, and where each value comes from: a flag, else the environment, else the file, else the default.
 *
 * @since 0.1.0
 */
import * as path from "node:path"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import { nearest } from "../../internal/nearest.js"
import * as Table from "../../internal/optionTable.js"
import { UsageError } from "./CliError.js"
import { type ClientPaths, clientSettings } from "./clientPaths.js"
import * as ConfigFile from "./configFile.js"
import * as flags from "./flags.js"
import { GivenFlags } from "./givenFlags.js"
import * as ServiceOptions from "./serviceOptions.js"
import { fromEnvironment, type Setting, setting, variable } from "./settings.js"

/** Where a value comes from. @since 0.1.0 @category models */
export type Origin = Data.TaggedEnum<{
  Flag: { readonly name: string }
  Environment: { readonly name: string }
  File: { readonly path: string; readonly line: number }
}>

/** @since 0.1.0 @category constructors */
export const Origin = Data.taggedEnum<Origin>()

/** An option that is given. @since 0.1.0 @category models */
export interface Given {
  readonly text: string
  readonly origin: Origin
}

/** What holds for a service. @since 0.1.0 @category models */
export interface Configuration {
  readonly inputs: ServiceOptions.Inputs
  /** By the keys of the options; what is not there has its default. */
  readonly given: ReadonlyMap<string, Given>
  /** The file that was read, if there is one. */
  readonly file: string | undefined
  /** What is not wrong, and can hardly be meant. */
  readonly warnings: ReadonlyArray<string>
}

const configSetting = setting(Table.table("wtclient run", [], { config: flags.options.config }), "config", "config")

/** The most that can be said for a client: all of it is printed, and a name like one of these is a mistake. @since 0.1.0 @category config */
export const settings: ReadonlyArray<Setting> = [
  configSetting,
  ...Object.values(clientSettings),
  ...ServiceOptions.settings
]

/** What flags and environment say for an option. @since 0.1.0 @category combinators */
export const fromFlagOrEnvironment = (one: Setting): Effect.Effect<Given | undefined, UsageError> =>
  Effect.gen(function* () {
    const { environment, flag, ofFlag = (text) => text } = one
    const written = flag === undefined ? undefined : (yield* GivenFlags).get(flag)
    if (flag !== undefined && written !== undefined) {
      return { text: ofFlag(written), origin: Origin.Flag({ name: flag }) }
    }
    // Also where the file has a better one: a value that cannot be read is a mistake that would come back.
    yield* fromEnvironment(one)
    const text = yield* variable(environment)
    return text === undefined ? undefined : { text, origin: Origin.Environment({ name: environment }) }
  })

/** Other commands do not read the file, and would be about another client. */
const troubleOfKey = (key: string): string | undefined => {
  const ofClient = Object.values(clientSettings).find((one) => one.key === key)
  return (
    ofClient &&
    `${key} says which client is meant, to every command. Give it with --${ofClient.flag}, or in the environment as ${ofClient.environment}.`
  )
}

const loadFile = (
  client: ClientPaths
): Effect.Effect<ConfigFile.ConfigFile | undefined, UsageError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const named = yield* fromFlagOrEnvironment(configSetting)
    const at = path.resolve(named?.text ?? path.join(client.folder, "wtclient.toml"))
    const file = Option.getOrUndefined(yield* ConfigFile.load(at, ServiceOptions.settings, troubleOfKey))
    if (file === undefined && named !== undefined) {
      return yield* new UsageError({ message: `There is no configuration file ${at}.` })
    }
    return file
  })

const ranks: ReadonlyArray<Origin["_tag"]> = ["Flag", "Environment", "File"]

/** The service listens in one place: what is said nearer to its start counts. */
const withOnePlace = (given: ReadonlyMap<string, Given>): Effect.Effect<ReadonlyMap<string, Given>, UsageError> => {
  const [listen, socket] = [given.get("listen"), given.get("socket")]
  if (listen === undefined || socket === undefined) return Effect.succeed(given)
  const [one, other] = [ranks.indexOf(listen.origin._tag), ranks.indexOf(socket.origin._tag)]
  if (one === other) {
    const names: Record<Origin["_tag"], string> = {
      Flag: "--listen and --socket are both given.",
      Environment: "In the environment, WATCHTOWER_LISTEN and WATCHTOWER_SOCKET are both given.",
      File: "In the configuration file, listen and socket are both given."
    }
    return new UsageError({ message: `${names[listen.origin._tag]} The service listens in one place.` })
  }
  return Effect.succeed(new Map([...given].filter(([key]) => key !== (one < other ? "socket" : "listen"))))
}

const prefix = "WATCHTOWER_"

/** Variables that look like options and are none: a mistyped one would be passed over. */
const strangers: Effect.Effect<ReadonlyArray<string>> = Effect.gen(function* () {
  const { flattened } = yield* Effect.configProviderWith(Effect.succeed)
  const names = yield* Effect.orElseSucceed(flattened.enumerateChildren([]), () => HashSet.empty<string>())
  const known = settings.map(({ environment }) => environment)
  return [...names]
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .sort()
    .map((name) => {
      const parts = known.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length))
      const part = nearest(name.slice(prefix.length), parts)
      const guess = part && `${prefix}${part}`
      return `The environment has ${name}, which is no option.${guess === undefined ? "" : ` Did you mean ${guess}?`}`
    })
})

/** What is in the settings as the layers take it. All of it was checked where it comes from. */
const inputsOf = (given: ReadonlyMap<string, Given>): Effect.Effect<ServiceOptions.Inputs> => {
  const texts = ServiceOptions.settings.flatMap(({ key, path }) => {
    const one = given.get(key)
    return one === undefined ? [] : [[path.join("."), one.text] as const]
  })
  return Effect.orDie(Effect.withConfigProvider(ServiceOptions.config, ConfigProvider.fromMap(new Map(texts))))
}

/** Reads flags, environment and file, or says what is wrong, and where. @since 0.1.0 @category constructors */
export const load = (client: ClientPaths): Effect.Effect<Configuration, UsageError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const file = yield* loadFile(client)
    const all = new Map<string, Given>()
    for (const one of ServiceOptions.settings) {
      const near = yield* fromFlagOrEnvironment(one)
      const said = file?.said.get(one.key)
      if (near !== undefined) all.set(one.key, near)
      else if (file !== undefined && said !== undefined) {
        all.set(one.key, { text: said.text, origin: Origin.File({ path: file.path, line: said.line }) })
      }
    }
    const given = yield* withOnePlace(all)
    if (given.has("proxy.port") && !given.has("proxy.host")) {
      return yield* new UsageError({
        message: "The port of a proxy is given, and not its host. Give proxy.host too, or neither of them."
      })
    }
    return { inputs: yield* inputsOf(given), given, file: file?.path, warnings: yield* strangers }
  })
