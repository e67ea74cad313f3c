/**
 * What every endpoint that asks the database can answer instead.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { CorruptRow, DatabaseBusy, DatabaseUnavailable } from "../DbError.js"
import { withStatus } from "./refusals.js"

/** `DbError` as responses. @since 0.1.0 @category errors */
export const databaseErrors = Schema.Union(
  withStatus(DatabaseBusy, 503),
  withStatus(DatabaseUnavailable, 503),
  withStatus(CorruptRow, 500)
)
