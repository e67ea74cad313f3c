/**
 * What a layer does with its options first.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Table from "../../internal/optionTable.js"
import { InvalidOptions } from "../../schema/InvalidOptions.js"

/** Fills in the defaults, and checks each value against its range. @since 0.1.0 @category combinators */
export const decodeOptions = <T extends Table.Table>(
  table: T,
  given: Table.Input<T>
): Either.Either<Table.Settings<T>, InvalidOptions> =>
  Either.mapLeft(Table.decode(table, given), (detail) => new InvalidOptions({ layer: table.layer, detail }))
