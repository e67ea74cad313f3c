/** Finds secret bytes in all that was printed or stored, in every form in which bytes are usually written. */

/** A secret and what it is. */
export interface Secret {
  readonly name: string
  readonly bytes: Uint8Array
}

/** A part of it is enough: 12 bytes of a key do not appear by chance. */
export const part = 12

/** The ways to write bytes: hex, Base64 from any position, numbers as JSON, `inspect` and `Buffer` print them, and raw. */
export const forms = (bytes: Uint8Array): ReadonlyArray<string> => {
  const hex = Buffer.from(bytes).toString("hex")
  // Base64 of a text that begins somewhere before: the same characters but for those at the edges.
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), Buffer.from(bytes)])
      .toString("base64")
      .slice(4, -4)
  )
  const urls = base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))
  const numbers = [...bytes]
  return [
    hex,
    hex.toUpperCase(),
    hex.replace(/(..)(?!$)/g, "$1 "),
    hex.replace(/(..)(?!$)/g, "$1:"),
    ...base64,
    ...urls,
    numbers.join(","),
    numbers.join(", "),
    numbers.map((byte, i) => `"${i}":${byte}`).join(","),
    Buffer.from(bytes).toString("latin1"),
    Buffer.from(bytes).toString("utf8")
  ]
}

/** Beginning and end, each in every form. */
const traces = (bytes: Uint8Array): ReadonlyArray<string> =>
  [0, bytes.length - part].flatMap((at) => forms(bytes.subarray(at, at + part)))

/** The names of the secrets of which a part is found in the text. */
export const find = (text: string, secrets: ReadonlyArray<Secret>): ReadonlyArray<string> => {
  // `inspect` prints more than six numbers in columns: there is a break or more than one space between some of them.
  const all = `${text}\n${text.replaceAll(/,\s+/g, ", ")}`
  return secrets.filter(({ bytes }) => traces(bytes).some((trace) => all.includes(trace))).map(({ name }) => name)
}
