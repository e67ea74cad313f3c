/**
 * What errors keep of what a tower sent: the beginning, and how long it was. A tower can send 64 KB in one message, and errors
 * are kept, logged and sent on.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { ChainHash, HexBytes } from "./Ids.js"

/** How many feature bits are kept. @since 0.1.0 @category models */
export const maxFeatures = 8

/** How many bytes of data are kept. @since 0.1.0 @category models */
export const maxBytes = 32

/** The lowest feature bits of a list, `maxFeatures` at most. @since 0.1.0 @category models */
export const Features = Schema.Array(Schema.Int).pipe(Schema.maxItems(maxFeatures))

/** The first bytes of some data, `maxBytes` at most. @since 0.1.0 @category models */
export const Data = HexBytes.pipe(Schema.maxLength(2 * maxBytes))

/** A tower's Init: its chain, its lowest feature bits, and how many it has set. @since 0.1.0 @category models */
export const Init = Schema.Struct({ chainHash: ChainHash, features: Features, featureCount: Schema.NonNegativeInt })
/** @since 0.1.0 @category models */
export type Init = typeof Init.Type

/** The lowest of these bits, and how many there are. @since 0.1.0 @category constructors */
export const ofFeatures = (bits: ReadonlyArray<number>) => ({
  features: bits.slice(0, maxFeatures),
  featureCount: bits.length
})

/** The first of these bytes, and how many there are. @since 0.1.0 @category constructors */
export const ofData = (data: HexBytes) => ({
  data: HexBytes.make(data.slice(0, 2 * maxBytes)),
  bytes: data.length / 2
})

/** Feature bits for people: `1, 3`, or `0, 2, ..., 14 and 500 more`. @since 0.1.0 @category combinators */
export const printFeatures = (features: ReadonlyArray<number>, count: number): string => {
  const more = count - features.length
  return features.length === 0 ? "none" : `${features.join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}
