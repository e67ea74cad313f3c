/**
 * An optional package that is not installed.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { explain } from "../internal/peers.js"

/**
 * Something was asked for that needs an optional peer dependency (or a dependency of one), and that is not installed. The
 * message says how to install it.
 *
 * @since 0.1.0
 * @category errors
 */
export class PackageMissing extends Schema.TaggedError<PackageMissing>()("PackageMissing", {
  package: Schema.String,
  /** What was asked for, such as "a Postgres database". */
  neededBy: Schema.String
}) {
  override get message() {
    return explain(this.package, this.neededBy)
  }
}
