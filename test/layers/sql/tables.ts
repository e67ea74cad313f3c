import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

/** All tables of rows that come and go; parents before children. */
export const tables = [
  "wt_identity",
  "wt_tower",
  "wt_address",
  "wt_reservation",
  "wt_session",
  "wt_standing",
  "wt_quarantine",
  "wt_channel",
  "wt_backup",
  "wt_update",
  "wt_acked",
  "wt_ineligible"
]

/** Makes a database of Postgres as new. */
export const truncate = (sql: SqlClient) =>
  Effect.andThen(
    sql.unsafe(`TRUNCATE ${tables.join(", ")} RESTART IDENTITY`),
    sql.unsafe("UPDATE wt_counter SET last_backup = 0; UPDATE wt_client SET token = NULL, since = 0, for_ms = 0")
  )
