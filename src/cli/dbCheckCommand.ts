/** `wtclient db check`: says what is wrong with a database. The exit code is 1 when something is. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Check from "../layers/sql/databaseCheck.js"
import { CheckFailed } from "./support/CliError.js"
import { clientFlags, databaseName } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { sqlClient } from "./support/openDatabase.js"
import { during } from "./support/progress.js"
import { json } from "./support/views.js"

/** The command. @since 0.1.0 @category constructors */
export const check = Command.make("check", { ...clientFlags, json: flags.switches.json }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const findings = yield* during(
        `checks the database ${databaseName(client)}`,
        Check.check.pipe(Effect.provide(sqlClient(client)))
      )
      if (given.json) yield* Console.log(json({ findings }))
      else for (const { detail, table } of findings) yield* Console.log(`${table}: ${detail}`)
      if (findings.length > 0) {
        return yield* new CheckFailed({
          message: `The database ${databaseName(client)} is not as it must be: ${findings.length} found. Put a copy of it back, and then give up the keys that it does not know of.`,
          next: [client.command("db", "skip-keys")]
        })
      }
      if (!given.json) yield* Console.log(`The database ${databaseName(client)} is as it must be.`)
    })
  )
).pipe(Command.withDescription("Verify what must hold in the database, and say what is wrong with it; needs no key"))
