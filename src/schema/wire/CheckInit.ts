/**
 * What both sides check of the other's Init (docs/protocol.md, Checking the other side's Init; lnd v0.21.2
 * `watchtower/wtwire/init.go`).
 *
 * @since 0.1.0
 * @module
 */
import * as Either from "effect/Either"
import type * as Chain from "../Chain.js"
import * as Excerpt from "../Excerpt.js"
import { PermanentTowerFailure } from "../NegotiationError.js"
import type { Init } from "./Init.js"

/**
 * The other side is on our chain, and requires (an even bit) nothing that we do not know. Unknown odd bits, missing bits
 * and both bits of a pair pass.
 *
 * @since 0.1.0
 * @category combinators
 */
export const checkInit = (chain: Chain.Chain, remote: Init): Either.Either<void, PermanentTowerFailure> => {
  if (remote.chainHash !== chain.chainHash) {
    return Either.left(new PermanentTowerFailure({ reason: "WrongChain", theirChain: remote.chainHash }))
  }
  const features = remote.features.filter((bit) => bit % 2 === 0 && !chain.knownFeatures.includes(bit))
  return features.length > 0
    ? Either.left(new PermanentTowerFailure({ reason: "UnknownRequiredFeature", ...Excerpt.ofFeatures(features) }))
    : Either.right(undefined)
}
