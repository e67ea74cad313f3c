/** `wtclient session terminate`: gives a session up. @since 0.1.0 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { trimmed } from "../internal/invisible.js"
import { quote } from "../internal/quote.js"
import { SessionId } from "../schema/Ids.js"
import { BackupDb } from "../services/BackupDb.js"
import { UsageError } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { boundDatabase } from "./support/openDatabase.js"
import { json } from "./support/views.js"

const id = Args.text({ name: "id" }).pipe(
  Args.withDescription("The session's id, 66 hex digits, as sessions --full shows it")
)

const idOf = (text: string): Effect.Effect<SessionId, UsageError> => {
  const id = trimmed(text).toLowerCase()
  return Schema.is(SessionId)(id)
    ? Effect.succeed(id)
    : new UsageError({
        message: `${quote(text)} is no id of a session: it has 66 hex digits and begins with 02 or 03, as sessions --full shows it.`
      })
}

/** The command. @since 0.1.0 @category constructors */
export const terminate = Command.make("terminate", { ...clientFlags, json: flags.switches.json, id }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const id = yield* idOf(given.id)
      const { reopened } = yield* Effect.flatMap(BackupDb, (db) => db.terminateSession(id)).pipe(
        Effect.provide(boundDatabase(client))
      )
      yield* Console.log(
        given.json
          ? json({ terminated: id, reopened })
          : `Gave up session ${id}: it takes no more updates. States that other sessions take instead: ${reopened}.`
      )
    })
  )
).pipe(Command.withDescription("Give a session up: what its tower has not confirmed goes to other sessions"))
