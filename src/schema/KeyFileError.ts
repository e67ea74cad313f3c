/**
 * What is wrong with a key file.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"

/**
 * The key file was not read or not written; `detail` never quotes it. `Readable` by others and `Exists` are refusals of
 * ours, for the safety of the key. `NoSeed` is about what was to be imported.
 *
 * @since 0.1.0
 * @category errors
 */
export class KeyFileError extends Schema.TaggedError<KeyFileError>()("KeyFileError", {
  path: Schema.String,
  reason: Schema.Literal("Missing", "Exists", "Readable", "NotAKeyFile", "NoSeed", "TooNew", "Failed"),
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    const detail = this.detail ?? "unknown"
    const why: Record<KeyFileError["reason"], string> = {
      Missing: `There is no key file ${this.path}. Make one with wtclient init, or in a program with KeyFile.readOrCreate.`,
      Exists: `The key file ${this.path} exists already and is not overwritten. Move it away first if you want another key.`,
      Readable: `The key file ${this.path} can be read by others (mode ${detail}). Make it yours alone with chmod 600 ${this.path}; where it is mounted as a secret, set the option "readableBy" to "group" or "everyone".`,
      NotAKeyFile: `${this.path} is not a key file: ${detail}.`,
      NoSeed: `There is no seed in ${this.path}: ${detail}.`,
      TooNew: `The key file ${this.path} was written by a newer version (${detail}). Update the program.`,
      Failed: `The key file ${this.path} cannot be used: ${detail}.`
    }
    return why[this.reason]
  }
}
