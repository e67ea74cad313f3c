/** `wtclient sessions`: lists the stored sessions. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Chunk from "effect/Chunk"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ClientDb } from "../services/ClientDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { nextLines } from "./support/commandText.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { listSessions } from "./support/listSessions.js"
import { existingDatabase } from "./support/openDatabase.js"
import { summaries } from "./support/summaries.js"
import { json, sessionJson, sessionsTable } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const sessions = Command.make("sessions", { ...clientFlags, json: flags.switches.json }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const found = yield* Effect.flatMap(ClientDb, (db) => Stream.runCollect(listSessions(db))).pipe(
        Effect.map(Chunk.toReadonlyArray),
        Effect.provide(existingDatabase(client))
      )
      yield* Console.log(
        given.json
          ? json(found.map(sessionJson))
          : found.length === 0
            ? ["There are no sessions.", ...nextLines([client.command("negotiate")])].join("\n")
            : sessionsTable(found, client.chain)
      )
    })
  )
).pipe(Command.withDescription(summaries.sessions))
