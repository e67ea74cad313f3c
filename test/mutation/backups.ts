/** Faults in what sends backups. */
import { inFile, type Part } from "./mutant.js"

export const backups: ReadonlyArray<Part> = [
  {
    name: "backups",
    quick: ["test/layers/backup"],
    thorough: ["test/simulation/backups.test.ts", "test/integration/database/backups/processes.test.ts"],
    mutants: [
      ...inFile(
        "src/layers/backup/dispatch.ts",
        ["if (given.size > 0) yield* noteGiven\n", "\n"],
        [" && progress.reopened === state.reopened()", ""],
        ["if (entry.isUnsure) return\n", "\n"],
        ["progress.reopened !== state.reopened() || progress.kept", "progress.kept"],
        [" || progress.kept !== state.kept(entry.policyKey))", ")"],
        ['if (end._tag === "Lost") inbox.offer(Report.Forgot({ towerId }))', ""],
        ["if (isStalled !== entry.isStalled)", "if (isStalled && !entry.isStalled)"],
        [" || entry.isUnsure || ", " || "],
        ["wanted.want([])", "Effect.void"]
      ),
      ...inFile(
        "src/layers/backup/audits.ts",
        ["due > now || !state.towers.has(towerId)", "due > now"],
        ["db.listAcked(towerId, transport.route,", 'db.listAcked(towerId, "clear",']
      ),
      ...inFile("src/layers/backup/contact.ts", ["if (isEnd) isShown = false", ""]),
      ...inFile(
        "src/layers/backup/contactEnd.ts",
        ["Math.min(entry.failingSince ?? wall, wall)", "(entry.failingSince ?? wall)"],
        ["entry.isUnsure || isDbError(failure)", "entry.isUnsure"]
      ),
      ...inFile("src/layers/backup/makeTowerClient.ts", [
        "Math.min(settings.pollInterval, settings.renewInterval)",
        "settings.pollInterval"
      ]),
      ...inFile("src/layers/backup/waitReasons.ts", ["session.seqNum > session.towerLastApplied &&", ""]),
      ...inFile("src/layers/backup/policyLook.ts", ["route: transport.route, serving", 'route: "clear", serving']),
      ...inFile("src/layers/backup/windows.ts", ["route: transport.route,", 'route: "clear",']),
      ...inFile("src/layers/backup/sender.ts", [
        "env.db.renewSenderLease(lease.token)",
        "env.db.takeSenderLease(lease.token)"
      ]),
      ...inFile(
        "src/layers/backup/entry.ts",
        ["next.position.acked >= entry.position.bound", "!hasBound(next)"],
        ["failures: failingSince === undefined ? 0 : restsWithin(firstRestMs, wall - failingSince),", ""],
        ["newsWhenTold === news ? since + firstRestMs : since", "since"],
        ['phase === "sending" ? undefined : contact.newsWhenTold', "contact.newsWhenTold"],
        [
          "failures: 0, failingSince: undefined, isStalled: false } : next",
          "failures: 0, failingSince: undefined } : next"
        ],
        ['before.contact?.phase === "sending" && isServing(before', "isServing(before"],
        ["now < since + silence)", "true)"],
        ["Question.Where(), isUnsure: false", "Question.None(), isUnsure: false"],
        [" && !next.isUnsure", ""]
      ),
      ...inFile(
        "src/layers/backup/senderState.ts",
        ["Math.max(now, before.lookAt + gatherMs)", "now"],
        ["if (isSooner) lookAt(policyKey, at)", "lookAt(policyKey, at)"],
        ["count: before.count + 1", "count: before.count"],
        ["cursors.clear()", ""],
        ["reopened += 1", ""]
      ),
      ...inFile(
        "src/layers/backup/windows.ts",
        ["if (!isFull && sender.kept() > kept)", "if (!isFull)"],
        ["if (!isFull && sender.kept() > kept)", "if (false)"],
        ["yield* Effect.mapError(lease.holds, (reason) => ContactEnd.Gone({ reason }))", ""],
        ["upTo, reopened }))", "upTo, reopened: sender.reopened() }))"],
        ["window, reopened, kept }))", "window, reopened: sender.reopened(), kept: sender.kept() }))"],
        ["if (seqNum > confirmed) break", ""],
        ["if (confirmed > window.acked)", "if (false)"],
        ["confirmed === 0 || refusals >= mostRefusals", "refusals >= mostRefusals"]
      ),
      ...inFile("src/layers/backup/question.ts", ["if (lastApplied < acked) return", "if (false) return"])
    ]
  }
]
