/** `wtclient sessions`: lists the stored sessions. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Chunk from "effect/Chunk"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ClientDb } from "../services/ClientDb.js"
import * as flags from "./flags.js"
import { listSessions } from "./listSessions.js"
import { existingDatabase, explained } from "./open.js"
import { placeFlags, placeOf } from "./place.js"
import { summaries } from "./summaries.js"
import { json, sessionJson, sessionsTable } from "./views.js"

/** The command. @since 0.1.0 @category constructors */
export const sessions = Command.make("sessions", { ...placeFlags, json: flags.switches.json }, (given) =>
  Effect.gen(function* () {
    const place = yield* placeOf(given)
    const found = yield* Effect.flatMap(ClientDb, (db) => Stream.runCollect(listSessions(db))).pipe(
      Effect.map(Chunk.toReadonlyArray),
      Effect.provide(existingDatabase(place)),
      explained(place)
    )
    yield* Console.log(
      given.json
        ? json(found.map(sessionJson))
        : found.length === 0
          ? "No sessions. Get one: wtclient negotiate"
          : sessionsTable(found, place.chain)
    )
  })
).pipe(Command.withDescription(summaries.sessions))
