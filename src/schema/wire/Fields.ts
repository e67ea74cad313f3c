/**
 * The primitive fields of wtwire messages (docs/protocol.md, Fields): what they are, and how they are written. Bounds
 * live in the schemas, so that encoding is total.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { fromHex, toHex } from "../../internal/bytes.js"
import * as codec from "../../internal/fieldCodec.js"
import { Amount } from "../../internal/json.js"
import * as BlobType from "../BlobType.js"
import { ChainHash, HexBytes, Hint } from "../Ids.js"

/** One byte. @since 0.1.0 @category models */
export const U8 = Schema.Int.pipe(Schema.between(0, 0xff))
/** Two bytes, big-endian. @since 0.1.0 @category models */
export const U16 = Schema.Int.pipe(Schema.between(0, 0xffff))
/** Four bytes, big-endian. @since 0.1.0 @category models */
export const U32 = Schema.Int.pipe(Schema.between(0, 0xffff_ffff))
/** Eight bytes, big-endian; in JSON decimal digits. @since 0.1.0 @category models */
export const U64 = Amount

/** A brontide frame holds 65,535 bytes, two of them the type: so much is left for the fields. @since 0.1.0 @category models */
export const maxPayload = 65_533

/**
 * The one field of free length of a message, given how many bytes its other fields take: what still fits in a frame behind a
 * CompactSize of three bytes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bytesBeside = (otherFields: number) => HexBytes.pipe(Schema.maxLength(2 * (maxPayload - otherFields - 3)))

/** Feature bits, each once, ascending (docs/protocol.md, Feature vector). @since 0.1.0 @category models */
export const Features = Schema.Array(U16).pipe(
  Schema.filter((bits) => bits.every((bit, index) => index === 0 || bit > (bits[index - 1] ?? bit)), {
    message: () => "feature bits are listed once each, in ascending order",
    arbitrary: () => (fc) =>
      fc.uniqueArray(fc.integer({ min: 0, max: 0xffff })).map((bits) => bits.sort((a, b) => a - b))
  })
)

/** Hex digits of as many bytes as were read: to check them again would take longer than to read them. */
const unchecked = { disableValidation: true }

/** A chain hash on the wire: 32 bytes. @since 0.1.0 @category constructors */
export const chainHash = codec.map(codec.bytes(32), (bytes) => ChainHash.make(toHex(bytes), unchecked), fromHex)
/** A hint on the wire: 16 bytes. @since 0.1.0 @category constructors */
export const hint = codec.map(codec.bytes(16), (bytes) => Hint.make(toHex(bytes), unchecked), fromHex)
/** Bytes on the wire: their number as CompactSize, then they. @since 0.1.0 @category constructors */
export const hexBytes = codec.map(codec.varBytes, (bytes) => HexBytes.make(toHex(bytes), unchecked), fromHex)
/** A blob type on the wire: two bytes. @since 0.1.0 @category constructors */
export const blobType = codec.map(
  codec.u16,
  (value) => BlobType.BlobType.make(value),
  (type): number => type
)
