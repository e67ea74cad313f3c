/**
 * A tower as people hand it around: `<public key>@<address>` (docs/protocol.md, Tower URI).
 *
 * ```ts
 * import { Effect } from "effect"
 * import { TowerCandidates, TowerUri } from "effect-watchtower"
 *
 * // `02e3a4...@tower.example:9911`, as the tower's operator prints it.
 * export const addTower = (text: string) =>
 *   Effect.gen(function* () {
 *     const { address, publicKey } = yield* TowerUri.parse(text)
 *     const candidates = yield* TowerCandidates.TowerCandidates
 *     return yield* candidates.add(publicKey, address)
 *   })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { fromHex } from "../internal/bytes.js"
import { invisibleIn, trimmed } from "../internal/invisible.js"
import { nobleCurve } from "../internal/nobleCurve.js"
import { quote } from "../internal/quote.js"
import { ended } from "../internal/sentence.js"
import { PublicKey } from "./Ids.js"
import * as TowerAddress from "./TowerAddress.js"

/** The key that a tower proves in the handshake, and one address. @since 0.1.0 @category models */
export class TowerUri extends Schema.Class<TowerUri>("TowerUri")({
  publicKey: PublicKey,
  address: TowerAddress.TowerAddress
}) {}

const advice = {
  NoKey: "the public key is missing before the @",
  NoAddress: "there is no @ and no address behind the public key",
  BadKey: "the public key is not 66 hex digits that begin with 02 or 03",
  NotOnCurve: "no such public key exists; is a digit wrong?",
  Invisible: "there is something inside that cannot be seen"
} as const

/** Names the character that the eye does not find. */
const why = (input: string, reason: keyof typeof advice): string =>
  (reason === "Invisible" ? invisibleIn(trimmed(input)) : undefined) ?? advice[reason]

/**
 * The string is no tower URI because of its key or its form; a wrong address is `InvalidTowerAddress`.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidTowerUri extends Schema.TaggedError<InvalidTowerUri>()("InvalidTowerUri", {
  input: Schema.String,
  reason: Schema.Literal("NoKey", "NoAddress", "BadKey", "NotOnCurve", "Invisible")
}) {
  override get message() {
    return `${quote(this.input)} is not a tower: ${ended(why(this.input, this.reason))} Write publickey@host:port, as the tower's operator prints it.`
  }
}

/** The string is no public key of a tower. @since 0.1.0 @category errors */
export class InvalidPublicKey extends Schema.TaggedError<InvalidPublicKey>()("InvalidPublicKey", {
  input: Schema.String,
  reason: Schema.Literal("BadKey", "NotOnCurve", "Invisible")
}) {
  override get message() {
    const fault =
      this.reason === "BadKey" ? "it must be 66 hex digits that begin with 02 or 03" : why(this.input, this.reason)
    return `${quote(this.input)} is no tower's public key: ${ended(fault)}`
  }
}

/**
 * Reads a public key in hex, in either case, and checks that it is on the curve.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parsePublicKey = (input: string): Either.Either<PublicKey, InvalidPublicKey> => {
  const refuse = (reason: InvalidPublicKey["reason"]) => Either.left(new InvalidPublicKey({ input, reason }))
  const hex = trimmed(input).toLowerCase()
  if (invisibleIn(hex) !== undefined) return refuse("Invisible")
  if (!Schema.is(PublicKey)(hex)) return refuse("BadKey")
  return nobleCurve.isPoint(fromHex(hex)) ? Either.right(PublicKey.make(hex)) : refuse("NotOnCurve")
}

/**
 * Reads `<public key>@<address>`; a missing port is 9911 unless told otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (
  input: string,
  portWhenMissing: number = TowerAddress.defaultPort
): Either.Either<TowerUri, InvalidTowerUri | TowerAddress.InvalidTowerAddress> =>
  Either.gen(function* () {
    const refuse = (reason: InvalidTowerUri["reason"]) => new InvalidTowerUri({ input, reason })
    const text = trimmed(input)
    if (invisibleIn(text) !== undefined) return yield* Either.left(refuse("Invisible"))
    const at = text.indexOf("@")
    if (at === -1) return yield* Either.left(refuse("NoAddress"))
    if (at === 0) return yield* Either.left(refuse("NoKey"))
    const publicKey = yield* Either.mapLeft(parsePublicKey(text.slice(0, at)), ({ reason }) => refuse(reason))
    const address = yield* TowerAddress.parse(text.slice(at + 1), portWhenMissing)
    return new TowerUri({ publicKey, address })
  })

/** The form that `parse` reads. @since 0.1.0 @category combinators */
export const print = (uri: TowerUri): string => `${uri.publicKey}@${uri.address}`

/**
 * A tower from the text that people hand around, and back; for configuration, command lines and the parameters of HTTP
 * APIs. What `parse` refuses is a parse error with the same sentence.
 *
 * @since 0.1.0
 * @category schemas
 */
export const TowerUriFromString = Schema.transformOrFail(Schema.String, Schema.typeSchema(TowerUri), {
  strict: true,
  decode: (input, _, ast) => Either.mapLeft(parse(input), (error) => new ParseResult.Type(ast, input, error.message)),
  encode: (uri) => Either.right(print(uri))
}).annotations({ identifier: "TowerUriFromString" })
