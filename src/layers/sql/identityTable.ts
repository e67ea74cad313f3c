/**
 * The one row that says whose database it is, and counts the key indexes.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type CorruptRow, type DatabaseUnavailable, KeyIndexesExhausted } from "../../schema/DbError.js"
import { ChainHash, KeyIndex, maxKeyIndex, PublicKey } from "../../schema/Ids.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { checkSkip, compareIdentities, notBound, randomFirstKeyIndex } from "../support/databaseIdentity.js"
import { column, decode } from "./rows.js"
import type { Sql } from "./statement.js"
import type { Database } from "./transaction.js"

const Identity = Schema.Struct({ chainHash: ChainHash, layout: Schema.String, publicKey: PublicKey })

/** Decodes whose database it is. @since 0.1.0 @category combinators */
export const identities = decode("wt_identity", Identity)

/** Whose database it is; undefined where no key was used with it yet. @since 0.1.0 @category combinators */
export const find = (sql: Sql): Effect.Effect<ClientDb.Identity | undefined, SqlError | CorruptRow> =>
  Effect.map(
    Effect.flatMap(
      sql`SELECT chain_hash AS "chainHash", layout, public_key AS "publicKey" FROM wt_identity WHERE id = 1`,
      identities
    ),
    ([found]) => found
  )

const keyIndexes = decode("wt_identity", Schema.Struct({ keyIndex: column(KeyIndex) }))

/** Records the identity, or compares. @since 0.1.0 @category constructors */
export const bindIdentity =
  ({ sql, transaction }: Database): ClientDb.Service["bindIdentity"] =>
  (wanted) =>
    transaction(
      "bindIdentity",
      "synced",
      Effect.gen(function* () {
        const first = wanted.firstKeyIndex ?? (yield* randomFirstKeyIndex)
        yield* sql`
          INSERT INTO wt_identity (id, chain_hash, layout, public_key, next_index)
          VALUES (1, ${wanted.chainHash}, ${wanted.layout}, ${wanted.publicKey}, ${first})
          ON CONFLICT (id) DO NOTHING`
        const found = yield* find(sql)
        if (found !== undefined) yield* compareIdentities(wanted, found)
      })
    )

/** A key index that was never given out, inside a transaction. @since 0.1.0 @category constructors */
export const newKeyIndex = (
  { sql }: Database,
  operation: string
): Effect.Effect<KeyIndex, SqlError | CorruptRow | DatabaseUnavailable | KeyIndexesExhausted> =>
  Effect.gen(function* () {
    const [row] = yield* Effect.flatMap(
      sql`
        UPDATE wt_identity SET next_index = next_index + 1 WHERE id = 1 AND next_index <= ${maxKeyIndex}
        RETURNING next_index - 1 AS "keyIndex"`,
      keyIndexes
    )
    if (row !== undefined) return row.keyIndex
    const bound = yield* sql`SELECT 1 FROM wt_identity WHERE id = 1`
    return yield* bound.length > 0 ? new KeyIndexesExhausted() : notBound(operation)
  })

const counters = decode("wt_identity", Schema.Struct({ next: column(Schema.NonNegativeInt) }))

/**
 * Moves the counter past the key indexes that a lost part of the database can have used. The target is read first, so that a
 * second run moves the counter no further.
 *
 * @since 0.1.0
 * @category constructors
 */
export const skipSessionKeys =
  (database: Database): ClientDb.Service["skipSessionKeys"] =>
  (count) =>
    Effect.andThen(
      checkSkip(count),
      database.operation("skipSessionKeys", (transaction) =>
        Effect.gen(function* () {
          const { sql } = database
          const [from] = yield* transaction(
            "read",
            Effect.flatMap(sql`SELECT next_index AS next FROM wt_identity WHERE id = 1`, counters)
          )
          if (from === undefined) return yield* notBound("skipSessionKeys")
          const next = from.next + count
          if (next > maxKeyIndex) return yield* new KeyIndexesExhausted()
          yield* transaction(
            "synced",
            Effect.andThen(
              sql`UPDATE wt_identity SET next_index = ${next} WHERE id = 1 AND next_index < ${next}`,
              sql`DELETE FROM wt_reservation`
            )
          )
          return KeyIndex.make(next)
        })
      )
    )
