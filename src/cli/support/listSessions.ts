/**
 * All stored sessions, page by page.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { DbError } from "../../schema/DbError.js"
import type { KeyIndex } from "../../schema/Ids.js"
import type { ClientDb } from "../../services/ClientDb.js"

const pageSize = 500

/** The sessions in ascending key index that these filters leave. @since 0.1.0 @category combinators */
export const listSessions = (
  db: ClientDb.Service,
  filter: Pick<ClientDb.SessionFilter, "towerId" | "status" | "blobType"> = {}
): Stream.Stream<ClientSession, DbError> =>
  Stream.paginateChunkEffect(undefined as KeyIndex | undefined, (after) =>
    Effect.map(db.listClientSessions({ ...filter, after, limit: pageSize }), (page) => [
      Chunk.fromIterable(page),
      page.length < pageSize ? Option.none() : Option.fromNullable(page.at(-1)?.keyIndex)
    ])
  )
