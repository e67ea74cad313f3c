/**
 * What the tower client of a service is told.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Options from "../../layers/backup/Options.js"
import type * as NodeHttpService from "../../layers/http/NodeHttpService.js"
import type * as NodeWatchtower from "../../layers/NodeWatchtower.js"
import * as SqliteOrPostgres from "../../layers/sqliteOrPostgres.js"
import type { InvalidPolicy } from "../../schema/Policy.js"
import { UsageError } from "./CliError.js"
import type { ClientPaths } from "./clientPaths.js"
import { options, usualListen } from "./flags.js"
import { policiesOf } from "./policyFlags.js"
import type { Inputs } from "./serviceOptions.js"
import { kebab } from "./settings.js"

/** The options of its layer, after all checks that need more than one of them. @since 0.1.0 @category combinators */
export const termsOf = (
  { chain, database, key }: ClientPaths,
  { backup, negotiator, policy, postgres, proxy, sqlite, transport }: Inputs
): Effect.Effect<NodeWatchtower.ClientOptions, UsageError | InvalidPolicy> =>
  Effect.gen(function* () {
    const { blobType, maxUpdates, sweepFeeRate } = policy
    const fields = { maxUpdates: Option.fromNullable(maxUpdates), sweepFeeRate: Option.fromNullable(sweepFeeRate) }
    const watchtower: NodeWatchtower.ClientOptions = {
      ...(yield* policiesOf(fields, chain, blobType)),
      ...backup,
      // The layer's own default is to keep none.
      spare: backup.spare ?? options.spare.fallback,
      negotiator,
      timeouts: transport,
      proxy: Option.getOrUndefined(proxy),
      key,
      database: SqliteOrPostgres.isPostgres(database) ? { ...database, ...postgres } : { ...database, ...sqlite }
    }
    yield* Effect.catchTag(
      Options.validate(watchtower),
      "InvalidOptions",
      // A program and the file have the same names in two spellings.
      ({ detail }) => new UsageError({ message: `In the configuration, ${detail.replace(/\b[a-z]+[A-Z]\w*/g, kebab)}` })
    )
    return watchtower
  })

/** Where the service listens. @since 0.1.0 @category combinators */
export const listenOf = ({ listening: { listen = usualListen, socket } }: Inputs): NodeHttpService.Listen =>
  socket === undefined ? listen : { path: socket }
