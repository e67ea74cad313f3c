/**
 * What a layer answers to options that make no sense.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { ended } from "../internal/sentence.js"

/**
 * The options of a layer do not make sense; `detail` is a sentence that says which one, what was given and what it takes.
 * docs/options.md has them all.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>()("InvalidOptions", {
  layer: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return ended(`The options of ${this.layer} are not valid: ${this.detail}`)
  }
}
