/** The form that every sentence has which a person sees. */
import { assert } from "@effect/vitest"

/** Names that are part of the field, or of what a person types. */
const names =
  /\b(CreateSession(Reply)?|KeyFile\.readOrCreate|DATABASE_URL|TowerErrorMessage|sslrootcert=FILE|bindIdentity|SqlClientDb|PgClient|dcrlndRemote)\b/g

/** Fails where a sentence is not as a person wants it. */
export const assertForm = (sentence: string, most = 420): void => {
  const [first = "", ...others] = sentence.split("\n")
  const told = first.replaceAll(/"[^"]*"/g, "QUOTED").replaceAll(names, "NAME")
  assert.match(told, /^([A-Z]|--|[\w.:[\]-]+:\d+ |\/|[a-z]+ has no network)/, `begins like no sentence: ${sentence}`)
  // A command at the end can be pasted.
  assert.match(told, /([^.?!:;, ][.?]|: npm install \w+)$/, `has no end, or two: ${sentence}`)
  assert.notMatch(told, /\?\.|\.\.(?!\.)|\. \.|\bundefined\b|\[object|NaN/, `is put together wrongly: ${sentence}`)
  assert.notMatch(told, /(?<![/\w.-])[a-z]+[A-Z]\w*\b(?![/.])/, `shows the name of something inside: ${sentence}`)
  assert.notMatch(
    told,
    /(?<![/\w.-])E[A-Z]{4,}\b|SQLITE_|SCRAM|FileSystem|Error:/,
    `shows the words of a system: ${sentence}`
  )
  assert.isAtMost(first.length, most, `is too long: ${sentence}`)
  assert.notMatch(told, / {2}/, `has two blanks: ${sentence}`)
  for (const other of others) if (!other.startsWith("Next: ")) assert.match(other, /^ {2}[0-9a-f]{66}.*: .*[.?]$/)
}
