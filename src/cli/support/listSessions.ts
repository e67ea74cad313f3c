/**
 * All stored sessions, page by page.
 *
 * @since 0.1.0
 */
import type * as Stream from "effect/Stream"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { DbError } from "../../schema/DbError.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { allPages } from "./pages.js"

/** The sessions in ascending key index that these filters leave. @since 0.1.0 @category combinators */
export const listSessions = (
  db: ClientDb.Service,
  filter: Pick<ClientDb.SessionFilter, "towerId" | "status" | "blobType"> = {}
): Stream.Stream<ClientSession, DbError> =>
  allPages(
    (page: Pick<ClientDb.SessionFilter, "after" | "limit">) => db.listClientSessions({ ...filter, ...page }),
    ({ keyIndex }) => keyIndex
  )
