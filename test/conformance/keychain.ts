import { Effect, Either, Exit, Redacted, Schema } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as Hd from "../../src/internal/hd.js"
import { nobleCurve } from "../../src/internal/nobleCurve.js"
import * as HdKeyRing from "../../src/layers/HdKeyRing.js"
import { paths } from "../../src/layers/keys/paths.js"
import * as Chain from "../../src/schema/Chain.js"
import { KeyLayout } from "../../src/schema/KeyLayout.js"
import { RootKey } from "../../src/schema/RootKey.js"
import * as Result from "./result.js"

const Vectors = Schema.Struct({
  seed: Schema.String,
  paths: Schema.Array(
    Schema.Struct({ name: Schema.String, path: Schema.String, priv: Schema.String, pub: Schema.String })
  ),
  leadingZeroCase: Schema.Struct({
    seed: Schema.String,
    path: Schema.String,
    purposeKey: Schema.String,
    stdPub: Schema.String,
    legacyPub_whatLndDerives: Schema.String
  }),
  ecdh: Schema.Struct({
    priv: Schema.String,
    pub: Schema.String,
    sharedSecret_sha256_of_compressed_point: Schema.String
  })
})

const same = (name: string, expected: string, found: string): Result.Result =>
  Result.same(name, "value", expected, found)

/** Which key ring derives this path, and where on it the key stands; every key ring that has it. */
const keyRings = (path: string): Array<{ options: Omit<HdKeyRing.Options, "root">; family: number; index: number }> =>
  Chain.all.flatMap((chain) =>
    [false, true].flatMap((legacyCoinType) =>
      KeyLayout.literals.flatMap((layout) =>
        [8, 9].flatMap((family) => {
          const account = { coinType: legacyCoinType ? chain.legacyCoinType : chain.coinType, account: 0 }
          const steps = [...paths[layout].shared(account), ...paths[layout].family(family)]
          const parent = ["m", ...steps.map((step) => `${step.index}${step.hardened ? "'" : ""}`)].join("/")
          const cut = path.lastIndexOf("/")
          return path.slice(0, cut) === parent
            ? [{ options: { chain, layout, legacyCoinType }, family, index: Number(path.slice(cut + 1)) }]
            : []
        })
      )
    )
  )

const seedOf = (hex: string) => RootKey.Seed({ bytes: Redacted.make(fromHex(hex)) })

/** The public key and the ECDH with a point, as the key ring of this seed and path gives them. */
const viaKeyRing = (
  seed: string,
  { options, family, index }: ReturnType<typeof keyRings>[number],
  point: string
): { pub: string; shared: string } => {
  const exit = Effect.runSyncExit(
    Effect.scoped(
      Effect.gen(function* () {
        const keyRing = yield* HdKeyRing.make({ ...options, root: seedOf(seed) })
        const pub = yield* keyRing.deriveKey({ family, index })
        // A vector's point is a public key by its column.
        const shared = yield* keyRing.ecdh({ family, index }, point as typeof pub)
        return { pub, shared: toHex(Redacted.value(shared)) }
      })
    )
  )
  return Exit.getOrElse(exit, (cause) => ({ pub: String(cause), shared: String(cause) }))
}

const steps = (path: string, short: boolean): Array<Hd.Level> =>
  path
    .split("/")
    .slice(1)
    .map((level) =>
      level.endsWith("'") ? { ...Hd.hardened(Number(level.slice(0, -1))), short } : Hd.normal(Number(level))
    )

const derive = (seed: string, path: string, short: boolean) =>
  Either.getOrThrow(
    Either.flatMap(Hd.master(nobleCurve, fromHex(seed)), (key) => Hd.descend(nobleCurve, key, steps(path, short)))
  )

const ecdh = (secret: string, point: string): string =>
  Either.match(nobleCurve.ecdh(fromHex(secret), fromHex(point)), { onLeft: (fault) => fault, onRight: toHex })

/** Compares every expected value of a file in the format of `keychain-vectors.json`. Throws when it is not in that format. */
export const check = (json: unknown): Array<Result.Result> => {
  const vectors = Schema.decodeUnknownSync(Vectors)(json)
  const zero = vectors.leadingZeroCase
  const point = vectors.ecdh.pub
  const fromRings = (name: string, seed: string, path: string, pub: string, shared?: string): Array<Result.Result> => {
    const rings = keyRings(path)
    if (rings.length === 0) return [Result.differs(name, `no key layout has the path ${path}`)]
    return rings.flatMap((ring) => {
      const place = `${name} (${ring.options.layout}, ${ring.options.chain.name} ${ring.options.chain.network})`
      const found = viaKeyRing(seed, ring, point)
      return [
        same(`${place}: public key`, pub, found.pub),
        ...(shared === undefined ? [] : [same(`${place}: ecdh`, shared, found.shared)])
      ]
    })
  }
  return [
    ...vectors.paths.flatMap(({ name, path, priv, pub }) => [
      same(`${name}: private key`, priv, toHex(derive(vectors.seed, path, false).secret)),
      same(`${name}: public key of the private key`, pub, toHex(nobleCurve.publicKey(fromHex(priv)))),
      ...fromRings(name, vectors.seed, path, pub, ecdh(priv, point))
    ]),
    same("leading zero: purpose key", zero.purposeKey, toHex(derive(zero.seed, "m/1017'", false).secret)),
    same("leading zero: standard", zero.stdPub, toHex(derive(zero.seed, zero.path, false).publicKey)),
    same("leading zero: wallet", zero.legacyPub_whatLndDerives, toHex(derive(zero.seed, zero.path, true).publicKey)),
    ...fromRings("leading zero", zero.seed, zero.path, zero.legacyPub_whatLndDerives),
    same("ecdh", vectors.ecdh.sharedSecret_sha256_of_compressed_point, ecdh(vectors.ecdh.priv, point))
  ]
}
