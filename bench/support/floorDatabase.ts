/**
 * The two transactions of a session by better-sqlite3 alone, on the tables of the client: one takes the reserved key index and needs no
 * sync, the other one stores the session, reserves the next index and is synced. Each statement is prepared once.
 */
import Sqlite from "better-sqlite3"
import { toHex } from "../../src/internal/bytes.js"
import type { Policy } from "../../src/schema/Policy.js"
import { leaseMs } from "../../src/schema/Reservation.js"
import { initial } from "../../src/schema/Standing.js"
import { present } from "./present.js"

export interface Reserved {
  readonly keyIndex: number
  readonly lease: string
}

export interface FloorDatabase {
  readonly reserve: () => Reserved
  readonly store: (reserved: Reserved, id: string) => void
}

const token = () => toHex(globalThis.crypto.getRandomValues(new Uint8Array(16)))

/** Opens a file that has the tables, an identity, and one tower, which has this address. */
export const open = (filename: string, policy: Policy, address: string): FloorDatabase => {
  const db = new Sqlite(filename)
  db.pragma("journal_mode = WAL")
  db.pragma("foreign_keys = ON")
  const { blobType, maxUpdates, sweepFeeRate } = policy
  const ofTower = `tower = 1 AND blob_type = ${blobType} AND way = 'clear'`
  const take = db.prepare<[lease: string, since: number, now: number], { readonly key_index: number }>(
    `UPDATE wt_reservation SET lease = ?, since = ?, for_ms = ${leaseMs} WHERE key_index = (
       SELECT key_index FROM wt_reservation WHERE ${ofTower} AND since + for_ms <= ? ORDER BY since + for_ms, key_index LIMIT 1
     ) RETURNING key_index`
  )
  const end = db.prepare<[keyIndex: number, lease: string]>(
    `DELETE FROM wt_reservation WHERE key_index = ? AND lease = ? AND ${ofTower}`
  )
  const addSession = db.prepare<[keyIndex: number, id: string, now: number]>(
    `INSERT INTO wt_session (key_index, id, tower, status, created_at, blob_type, max_updates, reward_base, reward_rate,
       sweep_fee_rate, reward_pk_script, seq_num, tower_last_applied, way)
     VALUES (?, ?, 1, 'active', ?, ${blobType}, ${maxUpdates}, 0, 0, '${sweepFeeRate}', '', 0, 0, 'clear')`
  )
  const writeStanding = db.prepare<[body: string]>(
    `INSERT INTO wt_standing (blob_type, tower, body) VALUES (${blobType}, 1, ?)
     ON CONFLICT (blob_type, tower) DO UPDATE SET body = excluded.body`
  )
  const nextIndex = db.prepare<[], { readonly key_index: number }>(
    "UPDATE wt_identity SET next_index = next_index + 1 RETURNING next_index - 1 AS key_index"
  )
  const addReservation = db.prepare<[keyIndex: number, lease: string, since: number]>(
    `INSERT INTO wt_reservation (key_index, tower, blob_type, way, lease, since, for_ms)
     VALUES (?, 1, ${blobType}, 'clear', ?, ?, 0)`
  )

  const reserveNext = () => addReservation.run(present(nextIndex.get()).key_index, token(), Date.now())

  const reserving = db.transaction((lease: string, now: number) => present(take.get(lease, now, now)).key_index)

  let sessions = 0
  const storing = db.transaction(({ keyIndex, lease }: Reserved, id: string, now: number) => {
    if (end.run(keyIndex, lease).changes !== 1) throw new Error("the reservation is lost")
    addSession.run(keyIndex, id, now)
    sessions += 1
    const addresses = { [address]: { lastSuccess: now, failures: 0 } }
    const standing = { ...initial, lastVisit: now, lastSession: now, attempts: sessions, sessions, addresses }
    writeStanding.run(JSON.stringify(standing))
    reserveNext()
  })

  // The first session finds one too.
  reserveNext()
  return {
    reserve: () => {
      // Prepared each time: it takes effect while it is prepared.
      db.pragma("synchronous = NORMAL")
      const lease = token()
      return { lease, keyIndex: reserving.immediate(lease, Date.now()) }
    },
    store: (reserved, id) => {
      db.pragma("synchronous = FULL")
      storing.immediate(reserved, id, Date.now())
    }
  }
}
