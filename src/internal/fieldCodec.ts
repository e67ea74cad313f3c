/**
 * Combinators for wire formats (docs/protocol.md, wtwire). A codec is a pair: `read` takes a value off the bytes at an
 * offset and returns where it ended, `write` gives the bytes of a value. Reading never throws; writing trusts its value,
 * whose bounds are the schema's.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { concat } from "./bytes.js"

/** Why bytes cannot be read: cut short; a size not written in its shortest form; a size above its limit. @since 0.1.0 @category errors */
export type BadField = "Truncated" | "NonCanonicalSize" | "FieldTooLong"

/** Reads and writes one kind of value. @since 0.1.0 @category models */
export interface Codec<A> {
  readonly read: (bytes: Uint8Array, offset: number) => Either.Either<readonly [value: A, end: number], BadField>
  readonly write: (value: A) => Uint8Array
}

/** This number of bytes as they are. @since 0.1.0 @category constructors */
export const bytes = (size: number): Codec<Uint8Array> => ({
  read: (input, offset) =>
    offset + size <= input.length
      ? Either.right([input.subarray(offset, offset + size), offset + size])
      : Either.left("Truncated"),
  write: (value) => value
})

/** The same bytes seen as another type; both directions are total. @since 0.1.0 @category combinators */
export const map = <A, B>(codec: Codec<A>, to: (a: A) => B, from: (b: B) => A): Codec<B> => ({
  read: (input, offset) => Either.map(codec.read(input, offset), ([value, end]) => [to(value), end] as const),
  write: (value) => codec.write(from(value))
})

const number = <A>(size: number, get: (view: DataView) => A, set: (view: DataView, value: A) => void): Codec<A> =>
  map(
    bytes(size),
    (input) => get(new DataView(input.buffer, input.byteOffset, size)),
    (value) => {
      const output = new Uint8Array(size)
      set(new DataView(output.buffer), value)
      return output
    }
  )

/** One byte. @since 0.1.0 @category constructors */
export const u8 = number<number>(
  1,
  (view) => view.getUint8(0),
  (view, value) => view.setUint8(0, value)
)
const u16In = (little: boolean) =>
  number<number>(
    2,
    (view) => view.getUint16(0, little),
    (view, value) => view.setUint16(0, value, little)
  )
const u32In = (little: boolean) =>
  number<number>(
    4,
    (view) => view.getUint32(0, little),
    (view, value) => view.setUint32(0, value, little)
  )
const u64In = (little: boolean) =>
  number<bigint>(
    8,
    (view) => view.getBigUint64(0, little),
    (view, value) => view.setBigUint64(0, value, little)
  )
/** Two bytes, big-endian. @since 0.1.0 @category constructors */
export const u16 = u16In(false)
/** Four bytes, big-endian. @since 0.1.0 @category constructors */
export const u32 = u32In(false)
/** Eight bytes, big-endian. @since 0.1.0 @category constructors */
export const u64 = u64In(false)
/** Two bytes, little-endian, as in transactions. @since 0.1.0 @category constructors */
export const u16le = u16In(true)
/** Four bytes, little-endian, as in transactions. @since 0.1.0 @category constructors */
export const u32le = u32In(true)
/** Eight bytes, little-endian, as in transactions. @since 0.1.0 @category constructors */
export const u64le = u64In(true)

/** The three long forms of a CompactSize: marker, little-endian number, the least value that needs this form. */
const longForms: ReadonlyArray<readonly [marker: number, digits: Codec<number>, least: number]> = [
  [0xfd, u16le, 0xfd],
  [0xfe, u32le, 0x1_0000],
  // Beyond 2^53 the number is inexact; no size comes near it.
  [0xff, map(u64le, Number, BigInt), 0x1_0000_0000]
]

/** Bitcoin's CompactSize in its shortest form only (docs/protocol.md, CompactSize). @since 0.1.0 @category constructors */
export const compactSize: Codec<number> = {
  read: (input, offset) =>
    Either.flatMap(u8.read(input, offset), ([first, start]) => {
      const long = longForms.find(([marker]) => marker === first)
      if (long === undefined) return Either.right([first, start])
      const [, digits, least] = long
      return Either.filterOrLeft(
        digits.read(input, start),
        ([value]) => value >= least,
        () => "NonCanonicalSize" as const
      )
    }),
  write: (value) => {
    const long = longForms.findLast(([, , least]) => value >= least)
    return long === undefined ? u8.write(value) : concat(u8.write(long[0]), long[1].write(value))
  }
}

/** A size and then that many bytes; the size is checked against its limit before the bytes are looked for. */
const sized = (size: Codec<number>, limit: number): Codec<Uint8Array> => ({
  read: (input, offset) =>
    Either.flatMap(size.read(input, offset), ([length, start]) =>
      length > limit ? Either.left("FieldTooLong") : bytes(length).read(input, start)
    ),
  write: (value) => concat(size.write(value.length), value)
})

/** What the daemons read at most as one field of bytes (docs/protocol.md, Fields). @since 0.1.0 @category models */
export const maxVarBytes = 66_000

/** A CompactSize, at most 66,000, and that many bytes. @since 0.1.0 @category constructors */
export const varBytes = sized(compactSize, maxVarBytes)

/** A CompactSize, and that many items. An item of no bytes would let a count of nine bytes ask for 2^64 of them. @since 0.1.0 @category combinators */
export const list = <A>(item: Codec<A>): Codec<ReadonlyArray<A>> => ({
  read: (input, offset) =>
    Either.gen(function* () {
      let [count, at] = yield* compactSize.read(input, offset)
      const items: Array<A> = []
      for (; count > 0; count--) {
        const [value, end] = yield* item.read(input, at)
        items.push(value)
        at = end
      }
      return [items, at] as const
    }),
  write: (items) => concat(compactSize.write(items.length), ...items.map(item.write))
})

/** Bits are numbered by 16 bits, so a longer vector would wrap around (docs/protocol.md, Feature vector). */
const maxFeatureBytes = 8192

const bitsOf = (vector: Uint8Array): ReadonlyArray<number> => {
  const bits: Array<number> = []
  for (let byte = vector.length - 1; byte >= 0; byte--) {
    const value = vector[byte] ?? 0
    for (let bit = 0; bit < 8; bit++) if ((value >> bit) & 1) bits.push((vector.length - 1 - byte) * 8 + bit)
  }
  return bits
}

const vectorOf = (bits: ReadonlyArray<number>): Uint8Array => {
  const highest = bits.at(-1)
  const vector = new Uint8Array(highest === undefined ? 0 : Math.floor(highest / 8) + 1)
  for (const bit of bits) {
    const byte = vector.length - 1 - Math.floor(bit / 8)
    vector[byte] = (vector[byte] ?? 0) | (1 << (bit % 8))
  }
  return vector
}

/**
 * The set bits, ascending, as one big-endian number behind its length in two bytes. Written as short as possible; read
 * with leading zeros too, up to 8,192 bytes (docs/protocol.md, Feature vector).
 *
 * @since 0.1.0
 * @category constructors
 */
export const featureVector: Codec<ReadonlyArray<number>> = map(sized(u16, maxFeatureBytes), bitsOf, vectorOf)

/** The fields one after another, in the order in which they are written here. @since 0.1.0 @category combinators */
export const struct = <A extends object>(fields: { readonly [K in keyof A]: Codec<A[K]> }): Codec<A> => {
  // The keys of a mapped type are those of A; Object.keys cannot say so.
  const keys = Object.keys(fields) as Array<keyof A>
  return {
    read: (input, offset) => {
      const record: Partial<A> = {}
      let at = offset
      for (const key of keys) {
        const field = fields[key].read(input, at)
        if (Either.isLeft(field)) return Either.left(field.left)
        record[key] = field.right[0]
        at = field.right[1]
      }
      // Every key was set above.
      return Either.right([record as A, at])
    },
    write: (value) => concat(...keys.map((key) => fields[key].write(value[key])))
  }
}
