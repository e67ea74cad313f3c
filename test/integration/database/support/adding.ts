/** A process that hands some backups to the database, one after another, and says after each that it is there. */
import { Context, Effect } from "effect"
import * as SqliteClientDb from "../../../../src/layers/SqliteClientDb.js"
import { BackupDb } from "../../../../src/services/BackupDb.js"
import { backup, channel } from "../../../services/BackupDb/samples.js"
import { writeLine } from "./say.js"

const { states, where }: { readonly states: number; readonly where: string } = JSON.parse(process.argv[2] ?? "")

const work = Effect.gen(function* () {
  const db = Context.get(yield* SqliteClientDb.services({ filename: where }), BackupDb)
  yield* db.registerChannel(channel(1))
  writeLine("ready")
  for (let height = 1; height <= states; height += 1) {
    yield* db.addBackup(backup(1, height))
    writeLine("accepted")
  }
}).pipe(Effect.scoped)

await Effect.runPromise(work)
