/**
 * Fee rates of the justice transaction. The same 64 bits on the wire mean sat/kw to a Bitcoin tower and atoms/kB to a
 * Decred tower (docs/protocol.md, Policy); here they are different types, so that one cannot be handed in for the
 * other.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { Amount } from "../internal/json.js"

/** The largest rate that a Go tower reads as positive: 2^63 - 1 (docs/protocol.md, Fields). @since 0.1.0 @category models */
export const maxFeeRate = (1n << 63n) - 1n

/**
 * A fee rate of either unit, from 0 to 2^63 - 1: a bigint, encoded as decimal digits.
 *
 * @since 0.1.0
 * @category models
 */
export const FeeRate = Amount.pipe(Schema.betweenBigInt(0n, maxFeeRate), Schema.brand("FeeRate"))
/** @since 0.1.0 @category models */
export type FeeRate = typeof FeeRate.Type

/**
 * Satoshi per 1,000 weight units: Bitcoin.
 *
 * @since 0.1.0
 * @category models
 */
export const SatPerKw = FeeRate.pipe(Schema.brand("SatPerKw"))
/** @since 0.1.0 @category models */
export type SatPerKw = typeof SatPerKw.Type

/**
 * Atoms per 1,000 bytes: Decred.
 *
 * @since 0.1.0
 * @category models
 */
export const AtomsPerKb = FeeRate.pipe(Schema.brand("AtomsPerKb"))
/** @since 0.1.0 @category models */
export type AtomsPerKb = typeof AtomsPerKb.Type
