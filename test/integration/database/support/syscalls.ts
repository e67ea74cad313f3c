/**
 * What a process asked of the system, as strace prints it, in the order of its main thread.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"

/** Can processes be watched here? */
export const isWatchable = spawnSync("strace", ["-qq", "-o", "/dev/null", "true"]).status === 0

/** The program that starts another one and writes its calls to a file; `more` are options of strace. */
export const watcher = (file: string, ...more: ReadonlyArray<string>) => [
  ...["strace", "-f", "-qq", "-yy", "-s", "40", "-o", file],
  ...["-e", "trace=fdatasync,fsync,pwrite64,write,writev"],
  ...more
]

/** A write to the log of the database, a sync of it, act three, or a word that the process said. */
export type Call = "wal write" | "sync" | "act three" | (string & {})

/** What was written to which connection. Act one has 50 bytes, and nothing else that a client sends has. */
const sent = /write(?:v|)\(\d+<TCP:\[(.*?)\]>.*= (\d+)$/
const spoken = /write\(1<.*"(\w+)/

/** Act three is in the write behind act one, together with Init. `begun`: the connections with an act one. */
const callOf = (line: string, begun: Set<string>): Call | undefined => {
  if (/pwrite64\(\d+<[^>]*-wal>/.test(line)) return "wal write"
  if (/f(data)?sync\(\d+<[^>]*\.db(-wal)?>/.test(line)) return "sync"
  const [, connection = "", bytes] = sent.exec(line) ?? []
  if (bytes === "50") begun.add(connection)
  else if (begun.delete(connection)) return "act three"
  return spoken.exec(line)?.[1]
}

/** What strace wrote, a call a line, in their order. A call of which two threads tell in turn is put together. */
export const linesIn = (file: string): ReadonlyArray<string> => {
  const begun = new Map<string, string>()
  return fs
    .readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? []
      const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(rest)
      if (unfinished !== null) {
        begun.set(thread, unfinished[1] ?? "")
        return []
      }
      const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
      return [resumed === null ? rest : `${begun.get(thread) ?? ""}${resumed[1] ?? ""}`]
    })
}

/** The calls of the process that was started. */
export const callsIn = (file: string): ReadonlyArray<Call> => {
  const connections = new Set<string>()
  return linesIn(file).flatMap((line) => callOf(line, connections) ?? [])
}
