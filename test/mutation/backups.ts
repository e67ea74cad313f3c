/** Faults in what sends backups. */
import { inFile, type Part } from "./mutant.js"

export const backups: ReadonlyArray<Part> = [
  {
    name: "backups",
    quick: ["test/layers/backup"],
    thorough: ["test/simulation/backups.test.ts", "test/integration/database/backups/processes.test.ts"],
    mutants: [
      ...inFile(
        "src/layers/backup/entry.ts",
        ["next.position.acked >= entry.position.bound", "!hasBound(next)"],
        [
          "failures: 0, failingSince: undefined, isStalled: false } : next",
          "failures: 0, failingSince: undefined } : next"
        ],
        ['before.contact?.phase === "sending" && isServing(before', "isServing(before"],
        ["now < since + silence)", "true)"],
        ["question: Question.Where() })", "question: Question.None() })"]
      ),
      ...inFile(
        "src/layers/backup/senderState.ts",
        ["Math.max(now, before.lookAt + gatherMs)", "now"],
        ["if (isSooner) lookAt(policyKey, at)", "lookAt(policyKey, at)"],
        ["count: before.count + 1", "count: before.count"],
        ["cursors.clear()", ""]
      ),
      ...inFile(
        "src/layers/backup/windows.ts",
        ["if (!isFull && sender.kept() > kept)", "if (!isFull)"],
        ["if (!isFull && sender.kept() > kept)", "if (sender.kept() > kept)"],
        ["if (!isFull && sender.kept() > kept)", "if (false)"],
        ["if (lastApplied !== seqNum)", "if (false)"],
        ["yield* Effect.mapError(lease.holds, (reason) => ContactEnd.Gone({ reason }))", ""],
        ["if (seqNum > confirmed) break", ""],
        ["if (confirmed > window.acked)", "if (false)"],
        ["lastApplied: acked, isComplete: 0", "lastApplied: seqNum - 1, isComplete: 0"],
        ["confirmed === 0 || refusals >= mostRefusals", "refusals >= mostRefusals"],
        ["confirmed === 0 || refusals >= mostRefusals", "confirmed === 0"]
      ),
      ...inFile(
        "src/layers/backup/question.ts",
        ["if (lastApplied < acked) return", "if (false) return"],
        ["if (lastApplied > bound) return", "if (false) return"],
        ["lastApplied !== question.seqNum - 1", "false"]
      ),
      ...inFile(
        "src/layers/backup/penalties.ts",
        ["times: times + 1", "times"],
        ["until > now ? until : []", "until"],
        ["void penalties.delete(towerId)", "{}"]
      ),
      ...inFile(
        "src/layers/backup/contactEnd.ts",
        ['last: isOurs ? entry.last : "bad"', 'last: "bad"'],
        ["entry.failingSince ?? wall", "wall"],
        ["isStalled: entry.isStalled && Entry.hasBound(entry)", "isStalled: entry.isStalled"],
        ["Math.min(entry.busy, mostBusy)", "entry.busy"]
      ),
      ...inFile(
        "src/layers/backup/dispatch.ts",
        [
          "state.put({ ...entry, isStalled: true })\n            state.reopen()",
          "state.put({ ...entry, isStalled: true })"
        ],
        ["if (found !== endedSessions) state.reopen()", ""],
        ['penalty === "remove"', "false"],
        ["Math.max(retryAt, Math.min(next, state.nextLook()))", "Math.max(retryAt, next)"]
      ),
      ...inFile(
        "src/layers/backup/makeTowerClient.ts",
        ['if (record._tag === "Complete") return\n', "\n"],
        ["loaded.isClosed ?", "false ?"],
        ["if (lost > 0) return", "if (false) return"]
      )
    ]
  }
]
