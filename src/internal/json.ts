/**
 * What values look like as JSON: to `JSON.stringify`, to loggers, on the wire of an HTTP API.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * An amount of 64 bits, written as decimal digits: JSON has no bigints, and its numbers are exact up to 2^53 only. The digits
 * are counted before they are read, since reading a long number costs the square of its length.
 *
 * @since 0.1.0
 * @category models
 */
export const Amount = Schema.compose(
  Schema.String.pipe(Schema.pattern(/^[0-9]{1,20}$/, { message: () => "an amount is written as decimal digits" })),
  Schema.BigInt
).pipe(Schema.betweenBigInt(0n, (1n << 64n) - 1n))

/**
 * For the `toJSON` of values that hold what `JSON.stringify` throws on: bigints, or the errors of drivers, which may be
 * circular. The encoded side; never throws, since a logger that throws ends the fiber that logs.
 *
 * @since 0.1.0
 * @category combinators
 */
export const encoded = <A, I>(schema: Schema.Schema<A, I>, value: A): unknown =>
  Either.getOrElse(
    Either.try(() => Schema.encodeSync(schema)(value)),
    String
  )

/** The same for an error, with its message. @since 0.1.0 @category combinators */
export const encodedError = <A extends Error, I extends object>(schema: Schema.Schema<A, I>, error: A): unknown => {
  const parts = encoded(schema, error)
  return typeof parts === "object" ? { ...parts, message: error.message } : parts
}

/**
 * A copy of a plain object that knows its form as JSON. Listed, compared or spread, it is like the object itself.
 *
 * @since 0.1.0
 * @category combinators
 */
export const printable = <A extends object>(value: A, toJSON: (value: A) => unknown): A =>
  Object.defineProperty({ ...value }, "toJSON", { value: () => toJSON(value) })
