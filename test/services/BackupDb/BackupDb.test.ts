import { Context, Effect, Layer } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as MemoryBackupDb from "../../../src/layers/testing/MemoryBackupDb.js"
import { BackupDb } from "../../../src/services/BackupDb.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { newFile } from "../../layers/sql/sqliteFile.js"
import { byTestClock, Elapse } from "../ClientDb/contract.js"
import { suite } from "./suite.js"

const testClock = Layer.succeed(Elapse, byTestClock)

const open = (filename: string) => Effect.orDie(SqliteClientDb.services({ filename }))

/** The service of a file that is opened anew for every call, so that nothing is known but what was written. */
const reopened = <I extends BackupDb | ClientDb, S extends object>(
  tag: Context.Tag<I, S>,
  filename: string,
  one: S
): S =>
  new Proxy(one, {
    get: (_, name) => {
      const use = (run: (member: unknown) => unknown) =>
        Effect.scoped(
          Effect.flatMap(
            open(filename),
            (context) =>
              // A method answers an effect, and so does a member that is one.
              run(Reflect.get(Context.unsafeGet(context, tag), name)) as Effect.Effect<unknown>
          )
        )
      return typeof Reflect.get(one, name) === "function"
        ? (...args: ReadonlyArray<unknown>) => use((method) => Reflect.apply(method as never, undefined, args))
        : use((effect) => effect)
    }
  })

const reopening = Layer.scopedContext(
  Effect.gen(function* () {
    const filename = yield* newFile
    const context = yield* Effect.scoped(open(filename))
    return Context.make(BackupDb, reopened(BackupDb, filename, Context.get(context, BackupDb))).pipe(
      Context.add(ClientDb, reopened(ClientDb, filename, Context.get(context, ClientDb)))
    )
  })
)

suite("memory", Layer.merge(MemoryBackupDb.layer(), testClock))
suite("SQLite in memory", Layer.merge(SqliteClientDb.layer({ filename: ":memory:" }), testClock))
suite("SQLite file, reopened for every call", Layer.merge(reopening, testClock))
