/**
 * The text of a key file: a line that names the format and its version, comments, and `name: value` lines.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { fromHex } from "./bytes.js"

const format = "effect-watchtower key"

/** The version that we write, and the newest that we read. @since 0.1.0 @category models */
export const version = 1

/** Why a text was not read. `what` never quotes a value: it may be a secret. @since 0.1.0 @category errors */
export type Unreadable =
  | { readonly _tag: "Malformed"; readonly what: string }
  | { readonly _tag: "TooNew"; readonly version: number }

/** Says that the text is not what it should be. @since 0.1.0 @category constructors */
export const malformed = (what: string): Unreadable => ({ _tag: "Malformed", what })

/** The text of these fields. @since 0.1.0 @category combinators */
export const print = (comment: string, fields: ReadonlyArray<readonly [name: string, value: string]>): string =>
  [`${format} ${version}`, `# ${comment}`, ...fields.map(([name, value]) => `${name}: ${value}`), ""].join("\n")

/** The fields, each at most once and all of them known. @since 0.1.0 @category combinators */
export const parse = <Name extends string>(
  text: string,
  names: ReadonlyArray<Name>
): Either.Either<ReadonlyMap<Name, string>, Unreadable> => {
  const [first = "", ...lines] = text.split(/\r?\n/)
  if (!first.startsWith(`${format} `)) return Either.left(malformed(`its first line is not "${format} ${version}"`))
  const found = Number(first.slice(format.length + 1))
  if (!Number.isInteger(found) || found < 1) return Either.left(malformed("its version is not a number"))
  if (found > version) return Either.left({ _tag: "TooNew", version: found })
  const fields = new Map<Name, string>()
  for (const [at, line] of lines.entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue
    const colon = line.indexOf(":")
    const name = names.find((one) => one === line.slice(0, colon).trim())
    if (name === undefined || fields.has(name)) {
      return Either.left(malformed(`line ${at + 2} is not one of ${names.join(", ")}, or is there twice`))
    }
    fields.set(name, line.slice(colon + 1).trim())
  }
  return Either.right(fields)
}

/** The bytes of a seed in hex: 16 to 64 (BIP-32). @since 0.1.0 @category combinators */
export const parseSeed = (text: string): Either.Either<Uint8Array, Unreadable> =>
  /^([0-9a-fA-F]{2}){16,64}$/.test(text)
    ? Either.right(fromHex(text.toLowerCase()))
    : Either.left(malformed(/^\s*([a-z]+\s+){11,}[a-z]+\s*$/.test(text) ? areWords : isNoSeed))

const isNoSeed = "a seed is 16 to 64 bytes in hex, and an extended private key begins with xprv, dprv or the like"

// An aezeed is encrypted, and BIP-39 has none of our networks' wallets behind it.
const areWords =
  "these are words, which are no seed: for the 24 words of lnd, chantools showrootkey prints the extended private key to import"
