/**
 * The primitive fields of wtwire messages (protocol 2.1); bounds live here, so that encoding is total.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** One byte. @since 0.1.0 @category models */
export const U8 = Schema.Int.pipe(Schema.between(0, 0xff))
/** Two bytes, big-endian. @since 0.1.0 @category models */
export const U16 = Schema.Int.pipe(Schema.between(0, 0xffff))
/** Four bytes, big-endian. @since 0.1.0 @category models */
export const U32 = Schema.Int.pipe(Schema.between(0, 0xffff_ffff))
/** Eight bytes, big-endian. @since 0.1.0 @category models */
export const U64 = Schema.BigIntFromSelf.pipe(Schema.betweenBigInt(0n, (1n << 64n) - 1n))
/** A breach hint: 16 bytes as 32 hex digits. @since 0.1.0 @category models */
export const Hint = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{32}$/))
