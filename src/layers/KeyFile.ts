/**
 * The file that holds a client's root key: 32 random bytes, or the seed of an existing wallet. Its mode is 0600, and it is
 * never overwritten. All session keys follow from it: without it the sessions cannot be used any more.
 *
 * ```ts
 * import * as NodeContext from "@effect/platform-node/NodeContext"
 * import { Effect, Layer } from "effect"
 * import { Chain, HdKeyRing } from "effect-watchtower"
 * import * as KeyFile from "effect-watchtower/layers/KeyFile"
 *
 * // `KeyFile.layer` reads a file that must be there; this makes it when the program runs for the first time.
 * export const keyRing = Layer.unwrapEffect(
 *   Effect.map(KeyFile.readOrCreate("key"), (key) => HdKeyRing.layer({ ...key, chain: Chain.bitcoinMainnet }))
 * ).pipe(Layer.provide(NodeContext.layer))
 * ```
 *
 * @since 0.1.0
 * @module
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { toHex } from "../internal/bytes.js"
import * as KeyText from "../internal/keyText.js"
import * as Table from "../internal/optionTable.js"
import * as Chain from "../schema/Chain.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import { KeyFileError } from "../schema/KeyFileError.js"
import { KeyLayout } from "../schema/KeyLayout.js"
import type { KeyRingError } from "../schema/KeyRingError.js"
import { RootKey, parse as rootOf } from "../schema/RootKey.js"
import { Entropy } from "../services/Entropy.js"
import type { KeyRing } from "../services/KeyRing.js"
import * as HdKeyRing from "./HdKeyRing.js"
import * as PrivateFile from "./keys/privateFile.js"
import { decodeOptions } from "./support/decodeOptions.js"

/**
 * What a key file says: everything about the keys but the chain.
 *
 * @since 0.1.0
 * @category models
 */
export type KeyMaterial = Omit<HdKeyRing.Options, "chain">

/** A new root of 32 random bytes. @since 0.1.0 @category constructors */
export const generate: Effect.Effect<KeyMaterial> = Effect.gen(function* () {
  const entropy = yield* Entropy
  return { root: RootKey.Seed({ bytes: Redacted.make(yield* entropy.bytes(32)) }) }
})

/**
 * Reads the root that another wallet exported: a seed in hex, or an extended private key; blanks around it are ignored.
 * `from` is what the error calls the source.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseRoot = (text: Redacted.Redacted<string>, from: string): Either.Either<RootKey, KeyFileError> =>
  rootOf(Redacted.value(text).trim()).pipe(Either.mapLeft(refuse(from, "NoSeed")))

/**
 * Reads a key file; refuses one that others than `readableBy` can read.
 *
 * @since 0.1.0
 * @category combinators
 */
export const read = (
  path: string,
  readableBy: ReadableBy = "owner"
): Effect.Effect<KeyMaterial, KeyFileError, FileSystem.FileSystem> =>
  Effect.flatMap(PrivateFile.read(path, readableBy), (text) => Either.mapLeft(materialOf(text), refuse(path)))

/** Who may be able to read a key file. @since 0.1.0 @category models */
export const readers = ["owner", "group", "everyone"] as const satisfies ReadonlyArray<PrivateFile.Readers>

/** @since 0.1.0 @category models */
export type ReadableBy = (typeof readers)[number]

/**
 * Writes a new key file with mode 0600, and syncs it and its name to the disk.
 *
 * @since 0.1.0
 * @category combinators
 */
export const write = (path: string, material: KeyMaterial): Effect.Effect<void, KeyFileError, FileSystem.FileSystem> =>
  PrivateFile.create(path, textOf(material)).pipe(
    Effect.mapError((error) =>
      error.reason === "Missing"
        ? new KeyFileError({ path, reason: "Failed", detail: "its folder is not there" })
        : error
    )
  )

/**
 * Reads a key file, or makes one with a new root when there is none. When several processes make it at the same time, one
 * wins and all get its key. A database refuses a new key that replaces a lost one, since it knows whose it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const readOrCreate = (path: string): Effect.Effect<KeyMaterial, KeyFileError, FileSystem.FileSystem> =>
  Effect.catchIf(
    read(path),
    ({ reason }) => reason === "Missing",
    () =>
      Effect.flatMap(generate, (material) => write(path, material)).pipe(
        // Another process has made it since `read`.
        Effect.catchIf(
          ({ reason }) => reason === "Exists",
          () => Effect.void
        ),
        Effect.zipRight(read(path))
      )
  )

/** Where the key file is, and who may be able to read it. @since 0.1.0 @category config */
export const options = Table.table("KeyFile", ["keyFile"], {
  path: Table.required(Table.path("the path of a file"), "The key file; wtclient init makes one"),
  readableBy: Table.withDefault(
    Table.oneOf(readers),
    "owner",
    "Who may be able to read the key file; a secret that is mounted often has mode 0440 (group) or 0444 (everyone)"
  )
})

/** A key file, and the chain that its keys are for. @since 0.1.0 @category models */
export interface Options extends Table.Input<typeof options> {
  readonly chain: Chain.Chain
}

/**
 * The key ring of a key file.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = ({
  chain,
  ...given
}: Options): Layer.Layer<KeyRing, InvalidOptions | KeyFileError | KeyRingError, FileSystem.FileSystem> =>
  decodeOptions(options, given).pipe(
    Effect.flatMap(({ path, readableBy }) => read(path, readableBy)),
    Effect.map((material) => HdKeyRing.layer({ ...material, chain })),
    Layer.unwrapEffect
  )

/** The options from configuration, below `watchtower.keyFile`, and the chain (`Chain.config`). @since 0.1.0 @category config */
export const config: Config.Config<Options> = Config.map(
  Config.all([Table.config(options), Chain.config]),
  ([given, chain]) => ({ ...given, chain })
)

/** The key ring of a key file that the configuration names. @since 0.1.0 @category layers */
export const layerConfig = (
  given: Config.Config<Options> = config
): Layer.Layer<KeyRing, InvalidOptions | KeyFileError | KeyRingError | ConfigError, FileSystem.FileSystem> =>
  Layer.unwrapEffect(Effect.map(given, layer))

const comment =
  "Everyone who can read this file has the session keys of this client. Keep it secret, and keep a copy in a safe place."

const fieldNames = ["seed", "extended-key", "layout", "legacy-coin-type", "account"] as const

const textOf = ({ account, layout, legacyCoinType, root }: KeyMaterial): string =>
  KeyText.print(comment, [
    RootKey.$match(root, {
      Seed: ({ bytes }) => ["seed", toHex(Redacted.value(bytes))] as const,
      ExtendedKey: ({ text }) => ["extended-key", Redacted.value(text)] as const
    }),
    ...(layout === undefined ? [] : [["layout", layout] as const]),
    ...(legacyCoinType === undefined ? [] : [["legacy-coin-type", String(legacyCoinType)] as const]),
    ...(account === undefined ? [] : [["account", String(account)] as const])
  ])

const materialOf = (text: string): Either.Either<KeyMaterial, KeyText.Unreadable> =>
  Either.gen(function* () {
    const fields = yield* KeyText.parse(text, fieldNames)
    const seed = fields.get("seed")
    const extendedKey = fields.get("extended-key")
    if ((seed === undefined) === (extendedKey === undefined)) {
      return yield* Either.left(KeyText.malformed("it must hold either a seed or an extended key"))
    }
    const decode = <A, I>(name: (typeof fieldNames)[number], schema: Schema.Schema<A, I>) =>
      Schema.decodeUnknownEither(Schema.UndefinedOr(schema))(fields.get(name)).pipe(
        Either.mapLeft(() => KeyText.malformed(`the value of ${name} is not valid`))
      )
    return {
      root: yield* rootOf(seed ?? extendedKey ?? ""),
      layout: yield* decode("layout", KeyLayout),
      legacyCoinType: yield* decode("legacy-coin-type", Schema.BooleanFromString),
      account: yield* decode("account", Schema.NumberFromString.pipe(Schema.int(), Schema.between(0, 0x7fff_ffff)))
    }
  })

const refuse =
  (path: string, malformed: "NotAKeyFile" | "NoSeed" = "NotAKeyFile") =>
  (unreadable: KeyText.Unreadable): KeyFileError =>
    unreadable._tag === "TooNew"
      ? new KeyFileError({ path, reason: "TooNew", detail: `${unreadable.version}; this one reads ${KeyText.version}` })
      : new KeyFileError({ path, reason: malformed, detail: unreadable.what })
