/**
 * A key ring that derives its keys from a seed in this process, exactly as the wallets of lnd and dcrlnd do
 * (docs/protocol.md, Keys).
 *
 * ```ts
 * import { Redacted } from "effect"
 * import { Chain, HdKeyRing, RootKey } from "effect-watchtower"
 *
 * // The key ring of a seed that the application keeps itself.
 * export const keyRing = (seed: Uint8Array) =>
 *   HdKeyRing.layer({ chain: Chain.bitcoinMainnet, root: RootKey.RootKey.Seed({ bytes: Redacted.make(seed) }) })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { fromHex, toHex } from "../internal/bytes.js"
import * as Hd from "../internal/hd.js"
import * as Table from "../internal/optionTable.js"
import * as Chain from "../schema/Chain.js"
import { maxKeyIndex, PublicKey } from "../schema/Ids.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import * as KeyLayout from "../schema/KeyLayout.js"
import { KeyRingError } from "../schema/KeyRingError.js"
import { parse as parseRoot, RootKey } from "../schema/RootKey.js"
import { Curve } from "../services/Curve.js"
import { KeyRing } from "../services/KeyRing.js"
import * as Alarm from "./concurrency/alarm.js"
import { paths } from "./keys/paths.js"
import { sharedKey } from "./keys/sharedKey.js"
import { decodeOptions } from "./support/decodeOptions.js"

const isRoot = (given: unknown): given is RootKey => RootKey.$is("Seed")(given) || RootKey.$is("ExtendedKey")(given)

const root: Table.Kind<RootKey> = {
  type: "a root key",
  range: "",
  unit: "a seed of 16 to 64 bytes in hex, or an extended private key",
  read: (given) => (isRoot(given) ? given : undefined),
  fits: isRoot,
  parse: (text) => Either.getOrUndefined(parseRoot(text.trim())),
  show: () => undefined
}

/** Which keys: the root, and the path that leads from it. @since 0.1.0 @category config */
export const options = Table.table("HdKeyRing", ["keyRing"], {
  root: Table.required(root, "The secret that all keys follow from"),
  layout: Table.optional(
    Table.oneOf(KeyLayout.KeyLayout.literals),
    "lnd on Bitcoin, dcrlnd on Decred",
    "Where the wallet keeps its keys"
  ),
  legacyCoinType: Table.withDefault(
    Table.truth,
    false,
    "Derive with the coin type of old Decred wallets (20 on mainnet) instead of the registered one (42)"
  ),
  account: Table.withDefault(
    Table.wholeNumber({ least: 0, most: maxKeyIndex }),
    0,
    "The account of a remote dcrwallet, for the layout dcrlndRemote"
  )
})

/**
 * Which keys: the root, the path that leads from it, and the chain. docs/options.md has the defaults and ranges.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Table.Input<typeof options> {
  readonly chain: Chain.Chain
}

/**
 * The options from configuration: `watchtower.keyRing.root`, ..., and the chain (`Chain.config`).
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.map(
  Config.all([Table.config(options), Chain.config]),
  ([given, chain]) => ({ ...given, chain })
)

/**
 * Fails when the layout cannot start from this root. Two keys are kept: the one that all families share, and the one of the
 * family that was used last. Both are overwritten when the scope closes, and keys in between at once. (SECURITY.md says what
 * cannot be overwritten.) A derivation costs one child step, and the steps to the family when that is another one; the public key
 * behind the one that is used has mostly been derived when it is asked for.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (given: Options): Effect.Effect<KeyRing.Service, InvalidOptions | KeyRingError, Scope.Scope> =>
  Effect.gen(function* () {
    const { chain } = given
    const curve = yield* Curve
    const { account, root, ...settings } = yield* decodeOptions(options, given)
    const layout = settings.layout ?? KeyLayout.defaultOf(chain)
    const path = paths[layout]
    const coinType = settings.legacyCoinType ? chain.legacyCoinType : chain.coinType
    const shared = yield* Effect.acquireRelease(
      Effect.suspend(() => sharedKey(curve, root, chain, path.shared({ coinType, account }))),
      (key) => Effect.sync(() => Hd.wipe(key))
    )
    // One is enough, since a client uses the family of session keys only; without a limit there could be 2^31.
    let last: { readonly family: number; readonly key: Hd.ExtendedKey } | undefined
    const forget = () => {
      if (last !== undefined) Hd.wipe(last.key)
      last = undefined
    }
    let open = true
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        open = false
        forget()
      })
    )

    const familyKey = (family: number): Either.Either<Hd.ExtendedKey, Hd.InvalidKey> => {
      if (last?.family === family) return Either.right(last.key)
      forget()
      return Either.map(Hd.descend(curve, shared, path.family(family)), (key) => {
        last = { family, key }
        return key
      })
    }

    const withSecret = <A>(
      operation: KeyRingError["operation"],
      { family, index }: KeyRing.Locator,
      use: (secret: Uint8Array) => Either.Either<A, string>
    ): Either.Either<A, KeyRingError> => {
      const fail = (detail: string) => Either.left(new KeyRingError({ operation, detail }))
      if (!open) return fail("it is closed")
      if (!isChildIndex(family) || !isChildIndex(index)) {
        return fail(`there is no key (${family}, ${index}); family and index are numbers from 0 to 2^31 - 1`)
      }
      const secret = Either.flatMap(familyKey(family), (key) => Hd.childSecret(curve, key, Hd.normal(index)))
      if (Either.isLeft(secret))
        return fail(`the key (${family}, ${index}) does not exist (BIP-32); use the next index`)
      const used = use(secret.right)
      secret.right.fill(0)
      return Either.isLeft(used) ? fail(used.left) : Either.right(used.right)
    }

    // Unchecked: the curve has made it.
    const hexOf = (secret: Uint8Array) => PublicKey.make(toHex(curve.publicKey(secret)), { disableValidation: true })
    const publicKeyOf = (locator: KeyRing.Locator) =>
      withSecret("deriveKey", locator, (secret) => Either.right(hexOf(secret)))

    // A client takes its keys in turn. So when the key that was derived last is used, the next one is derived while the tower works on
    // its answer. It is public: no secret is kept for it.
    let derived: KeyRing.Locator | undefined
    let ahead: { readonly locator: KeyRing.Locator; readonly publicKey: PublicKey } | undefined
    const later = yield* Alarm.shared
    const deriveNext = ({ family, index }: KeyRing.Locator) =>
      later(0, () => {
        const locator = { family, index: index + 1 }
        const publicKey = publicKeyOf(locator)
        ahead = Either.isRight(publicKey) ? { locator, publicKey: publicKey.right } : undefined
      })

    return {
      layout,
      deriveKey: (locator) =>
        Effect.suspend(() => {
          derived = locator
          return open && ahead !== undefined && isSame(ahead.locator, locator)
            ? Effect.succeed(ahead.publicKey)
            : publicKeyOf(locator)
        }),
      ecdh: (locator, point) =>
        Effect.suspend(() => {
          if (derived !== undefined && isSame(derived, locator)) deriveNext(locator)
          return withSecret("ecdh", locator, (secret) =>
            curve.ecdh(secret, fromHex(point)).pipe(
              Either.map((bytes) => Redacted.make(bytes)),
              Either.mapLeft(() => "the other side's key is not a point on the curve")
            )
          )
        })
    }
  })

/**
 * The key ring of a root.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (given: Options): Layer.Layer<KeyRing, InvalidOptions | KeyRingError> =>
  Layer.scoped(KeyRing, make(given))

/**
 * The key ring of a root that the configuration holds.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  given: Config.Config<Options> = config
): Layer.Layer<KeyRing, InvalidOptions | KeyRingError | ConfigError> =>
  Layer.scoped(KeyRing, Effect.flatMap(given, make))

const isSame = (one: KeyRing.Locator, other: KeyRing.Locator): boolean =>
  one.family === other.family && one.index === other.index

const isChildIndex = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= maxKeyIndex
