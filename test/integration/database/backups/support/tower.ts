/**
 * A tower in a process of its own. What it stores it appends to a file before it answers, and reads when it starts again: a tower that
 * is killed has lost nothing. A line `refuse` or `take` says whether it refuses updates from now on.
 */
import { createInterface } from "node:readline"
import { Effect, Redacted, Schema } from "effect"
import * as LoopbackTower from "../../../../../src/layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../../../../../src/layers/tower/NodeLoopbackTower.js"
import * as TowerUri from "../../../../../src/schema/TowerUri.js"
import * as Code from "../../../../../src/schema/wire/Code.js"
import { StateUpdateReply } from "../../../../../src/schema/wire/StateUpdateReply.js"
import { chain } from "../../support/negotiating.js"
import { writeLine } from "../../support/say.js"
import * as TowerFile from "./towerFile.js"
import { TowerPlan } from "./towerPlan.js"

const plan = Schema.decodeUnknownSync(Schema.parseJson(TowerPlan))(process.argv[2])

const say = (...words: ReadonlyArray<string>) => writeLine(words.join(" "))

let refuses = false
const reply = LoopbackTower.Fault.Replace({
  with: (decided) => {
    if (decided._tag !== "StateUpdateReply") return decided
    if (decided.code !== Code.ok) say("refused", String(decided.code))
    return refuses ? new StateUpdateReply({ code: Code.maxUpdatesExceeded, lastApplied: 0 }) : decided
  }
})

const work = Effect.gen(function* () {
  const tower = yield* NodeLoopbackTower.make({
    chain,
    secretKey: Redacted.make(new Uint8Array(32).fill(plan.number)),
    port: plan.port,
    messageTimeout: plan.messageTimeoutMs,
    initialSessions: TowerFile.sessionsIn(plan.file),
    onSession: (session, update) => Effect.sync(() => TowerFile.append(plan.file, session, update))
  })
  yield* tower.setFault(reply)
  createInterface(process.stdin).on("line", (line) => {
    refuses = line === "refuse"
    say("does", line)
  })
  say("listens", TowerUri.print(tower.uri))
  return yield* Effect.never
})

await Effect.runPromise(Effect.scoped(work))
