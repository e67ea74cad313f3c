/**
 * What a process asked of the system, as strace tells it, in the order of its main thread.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"

/** Can processes be watched here? */
export const isWatchable = spawnSync("strace", ["-qq", "-o", "/dev/null", "true"]).status === 0

/** The program that starts another one and writes its calls to a file. */
export const watcher = (file: string) => [
  ...["strace", "-f", "-qq", "-yy", "-s", "40", "-o", file],
  ...["-e", "trace=fdatasync,fsync,pwrite64,write,writev"]
]

/** A write to the log of the database, a sync of it, act three, or a word that the process said. */
export type Call = "wal write" | "sync" | "act three" | (string & {})

/** Act three has 66 bytes, and nothing else that a client sends has. */
const actThree = /write(v|)\(\d+<TCP:.*= 66$/
const spoken = /write\(1<.*"(\w+)/

const callOf = (line: string): Call | undefined => {
  if (/pwrite64\(\d+<[^>]*-wal>/.test(line)) return "wal write"
  if (/f(data)?sync\(\d+<[^>]*\.db(-wal)?>/.test(line)) return "sync"
  return actThree.test(line) ? "act three" : spoken.exec(line)?.[1]
}

/** The calls of the process that was started, in their order. A call of which two threads tell in turn is put together. */
export const callsIn = (file: string): ReadonlyArray<Call> => {
  const begun = new Map<string, string>()
  const calls: Array<Call> = []
  for (const line of fs.readFileSync(file, "utf8").split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? []
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(rest)
    if (unfinished !== null) {
      begun.set(thread, unfinished[1] ?? "")
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    const call = callOf(resumed === null ? rest : `${begun.get(thread) ?? ""}${resumed[1] ?? ""}`)
    if (call !== undefined) calls.push(call)
  }
  return calls
}
