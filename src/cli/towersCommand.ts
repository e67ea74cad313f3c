/** `wtclient towers`: lists the known towers. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { nextLines } from "./support/commandText.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { existingDatabase } from "./support/openDatabase.js"
import { policyFlags, proposalOf } from "./support/policyFlags.js"
import { summaries } from "./support/summaries.js"
import { type Column, table, terminalWidth } from "./support/table.js"
import { readinessCells, type TowerStatus, towerStatusJson, towerStatusOf } from "./support/towerStatus.js"
import { json, short } from "./support/views.js"

const columnsOf = (now: number): ReadonlyArray<Column<TowerStatus>> => [
  [["ID", ({ tower }) => String(tower.id)]],
  [
    ["TOWER", ({ tower }) => tower.publicKey],
    ["TOWER", ({ tower }) => short(tower.publicKey)]
  ],
  [
    ["STATE", ({ readiness }) => readinessCells(readiness, now)[0]],
    ["STATE", ({ readiness }) => readinessCells(readiness, now)[0]],
    ["STATE", ({ readiness }) => readinessCells(readiness, now)[1]]
  ],
  [["ADDRESSES", ({ tower }) => tower.addresses.join(" ")]]
]

/** The command. @since 0.1.0 @category constructors */
export const towers = Command.make(
  "towers",
  { ...clientFlags, ...policyFlags, full: flags.switches.full, json: flags.switches.json },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const proposal = yield* proposalOf(given, client.chain)
        const found = yield* Effect.gen(function* () {
          const db = yield* ClientDb
          return (yield* db.listTowers).map(yield* towerStatusOf(db, proposal))
        }).pipe(Effect.provide(existingDatabase(client)))
        yield* Console.log(
          given.json
            ? json(found.map(towerStatusJson))
            : found.length === 0
              ? ["There are no towers.", ...nextLines([client.command("add", "PUBLICKEY@HOST")])].join("\n")
              : table(columnsOf(yield* Clock.currentTimeMillis), found, given.full ? undefined : yield* terminalWidth)
        )
      })
    )
).pipe(Command.withDescription(summaries.towers))
