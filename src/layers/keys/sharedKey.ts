/**
 * From a root to the key that all families of a layout share.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { Curve } from "../../internal/curve.js"
import * as ExtendedKeyText from "../../internal/extendedKeyText.js"
import * as Hd from "../../internal/hd.js"
import type * as Chain from "../../schema/Chain.js"
import { KeyRingError } from "../../schema/KeyRingError.js"
import { RootKey } from "../../schema/RootKey.js"

const invalid = (detail: string) => new KeyRingError({ operation: "deriveKey", detail })

/**
 * The key at the end of `path`, which leads from the master key to the key that all families share. An extended key may
 * stand anywhere on the path. The keys above the answer are overwritten.
 *
 * @since 0.1.0
 * @category constructors
 */
export const sharedKey = (
  curve: Curve,
  root: RootKey,
  onChain: Chain.Chain,
  path: ReadonlyArray<Hd.Level>
): Either.Either<Hd.ExtendedKey, KeyRingError> =>
  RootKey.$match(root, {
    Seed: ({ bytes }) => {
      const seed = Redacted.value(bytes)
      return seed.length < 16 || seed.length > 64
        ? Either.left(invalid(`the seed has ${seed.length} bytes; a seed has 16 to 64`))
        : descend(curve, Hd.master(curve, seed), path)
    },
    ExtendedKey: ({ text }) =>
      ExtendedKeyText.parse(curve, Redacted.value(text)).pipe(
        Either.mapLeft((problem) => invalid(explain[problem])),
        Either.flatMap((parsed) => {
          const level = path[parsed.depth - 1]
          const { chain, mainnet } = parsed.kind
          if (chain !== onChain.name || mainnet !== (onChain.network === "mainnet")) {
            return Either.left(
              invalid(
                `the extended key (${parsed.kind.prefix}) belongs to ${chain} ${mainnet ? "mainnet" : "test networks"}, not to ${onChain.name} ${onChain.network}`
              )
            )
          }
          if (parsed.depth > 0 && (level === undefined || Hd.childNumber(level) !== parsed.childNumber)) {
            return Either.left(
              invalid(
                `the extended key (depth ${parsed.depth}) does not lie on the path of this layout, m/${path.map(({ index }) => `${index}'`).join("/")}`
              )
            )
          }
          return descend(curve, Either.right(parsed.key), path.slice(parsed.depth))
        })
      )
  })

const descend = (
  curve: Curve,
  from: Either.Either<Hd.ExtendedKey, Hd.InvalidKey>,
  path: ReadonlyArray<Hd.Level>
): Either.Either<Hd.ExtendedKey, KeyRingError> =>
  Either.flatMap(from, (key) => {
    const end = Hd.descend(curve, key, path)
    if (path.length > 0) Hd.wipe(key)
    return end
  }).pipe(Either.mapLeft(() => invalid("this root has no such keys (BIP-32); use another seed")))

const explain: Record<ExtendedKeyText.NotAKey, string> = {
  BadChecksum: "the extended key is mistyped: its checksum does not fit",
  BadLength: "the extended key does not have 78 bytes",
  UnknownKind: "the extended key is of no private kind that we know (xprv, tprv, sprv, dprv, rprv)",
  InvalidKey: "the extended key does not hold a private key"
}
