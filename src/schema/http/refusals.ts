/**
 * How errors look in a response: the fields of the error, its `_tag`, and a `message` for a person; and the errors of requests that
 * reach no endpoint.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/**
 * An error as the body of a response with this status. Its cause stays here: it is for developers, and may hold anything.
 *
 * @since 0.1.0
 * @category schemas
 */
export const withStatus = <A extends Error, I extends object>(
  error: Schema.Schema<A, I> & { readonly identifier: string },
  status: number
): Schema.Schema<A, I & { readonly message: string }> =>
  Schema.transformOrFail(
    Schema.extend(Schema.encodedSchema(error), Schema.Struct({ message: Schema.String })),
    Schema.typeSchema(error),
    {
      strict: true,
      decode: (body) => ParseResult.decodeUnknown(error)(body),
      encode: (one) =>
        Effect.map(ParseResult.encode(error)(one), (fields) => ({ ...fields, cause: undefined, message: one.message }))
    }
  ).annotations({ identifier: error.identifier, ...HttpApiSchema.annotations({ status }) })

/** The request has no token, or another one. @since 0.1.0 @category errors */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}) {
  override get message() {
    return "The request has no valid token. Send the header Authorization: Bearer TOKEN, with the token of the service's token file."
  }
}

/**
 * The request does not come from a program on this machine that means this service: a page in a browser sends another Origin, or
 * under a name of its own another Host.
 *
 * @since 0.1.0
 * @category errors
 */
export class ForeignRequest extends Schema.TaggedError<ForeignRequest>()("ForeignRequest", {
  header: Schema.Literal("Host", "Origin")
}) {
  override get message() {
    return this.header === "Host"
      ? "The header Host must be localhost, 127.0.0.1 or [::1]."
      : "The request comes from a page of another origin, and is not answered."
  }
}

/** The body is larger than any that makes sense; `limit` is in bytes. @since 0.1.0 @category errors */
export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()("BodyTooLarge", { limit: Schema.Int }) {
  override get message() {
    return `The body is too large. The most is ${this.limit} bytes, and its length must be said in the header Content-Length.`
  }
}

/** The body is said to be something else than JSON, as curl does unless it is told. @since 0.1.0 @category errors */
export class BodyNotJson extends Schema.TaggedError<BodyNotJson>()("BodyNotJson", {}) {
  override get message() {
    return "The body must be JSON, and the request must say so: send the header Content-Type: application/json."
  }
}

/** There is no such endpoint. @since 0.1.0 @category errors */
export class EndpointNotFound extends Schema.TaggedError<EndpointNotFound>()("EndpointNotFound", {
  method: Schema.String,
  path: Schema.String
}) {
  override get message() {
    return `There is no ${this.method} ${this.path}. /openapi.json lists what there is.`
  }
}

/** A bug of the service; its log says more. @since 0.1.0 @category errors */
export class ServiceDefect extends Schema.TaggedError<ServiceDefect>()("ServiceDefect", {}) {
  override get message() {
    return "This is a bug of the service. Its log says more; please report it."
  }
}

/** The service takes no work yet, or will never again. @since 0.1.0 @category errors */
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", {
  reason: Schema.Literal("Database", "Stopped")
}) {
  override get message() {
    return this.reason === "Database"
      ? "The database does not answer. The service goes on when it does."
      : "A bug has ended the sender of the service. Start it again; its log says more."
  }
}
