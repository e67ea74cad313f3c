/**
 * What the client's database can answer instead. Names follow the reference's `wtdb` errors where there is one
 * (docs/negotiation.md, The reference's database).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { encodedError } from "../internal/json.js"
import * as Chain from "./Chain.js"
import { ChainHash, KeyIndex, PublicKey, SessionId, TowerId } from "./Ids.js"
import { TowerAddress } from "./TowerAddress.js"

/** Another client keeps the database locked; nothing was stored. Try again. @since 0.1.0 @category errors */
export class DatabaseBusy extends Schema.TaggedError<DatabaseBusy>()("DatabaseBusy", {
  operation: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return "The database is busy; nothing was stored. Another process holds it: wait and try again."
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(DatabaseBusy, this)
  }
}

/** Why a database cannot be used, for programs that act upon it. @since 0.1.0 @category errors */
export const UnavailableReason = Schema.Literal(
  // A file:
  "DiskFull",
  "ReadOnly",
  "NotADatabase",
  "Damaged",
  "CannotOpen",
  "NotAllowed",
  "DiskError",
  // A server:
  "NoServer",
  "WrongLogin",
  "NoSuchDatabase",
  "NotGranted",
  "NoTls",
  "WrongCertificate",
  // Either:
  "DriverMissing",
  "Other"
)
/** @since 0.1.0 @category errors */
export type UnavailableReason = typeof UnavailableReason.Type

/**
 * The database cannot be read or written: full, read-only, damaged, deleted, not bound yet. Nothing was stored, unless the
 * detail says that this is unknown. `detail` is a sentence without its end; without a `reason` it is all that is known.
 *
 * @since 0.1.0
 * @category errors
 */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  operation: Schema.String,
  reason: Schema.optional(UnavailableReason),
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return `The database cannot be used: ${this.detail}.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(DatabaseUnavailable, this)
  }
}

/** A row does not hold what it must. @since 0.1.0 @category errors */
export class CorruptRow extends Schema.TaggedError<CorruptRow>()("CorruptRow", {
  table: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `A row of the table ${this.table} is damaged: ${this.detail.split("\n", 1)[0]}.`
  }
}

const isChainHash = Schema.is(ChainHash)

/** The database belongs to another chain, key layout or seed (`bindIdentity`). @since 0.1.0 @category errors */
export class WrongDatabase extends Schema.TaggedError<WrongDatabase>()("WrongDatabase", {
  what: Schema.Literal("chain", "key layout", "seed"),
  expected: Schema.String,
  found: Schema.String
}) {
  /** What was expected and what was found, for a sentence: a chain by its name. */
  get names(): { readonly expected: string; readonly found: string } {
    const nameOf = (value: string) => (isChainHash(value) ? Chain.nameOf(value) : value)
    return { expected: nameOf(this.expected), found: nameOf(this.found) }
  }
  override get message() {
    const { expected, found } = this.names
    const what = this.what === "seed" ? "" : `: it has ${found}, this client ${expected}`
    return `This database belongs to another ${this.what}${what}. Use another database, or the matching key.`
  }
}

/** The database was written by a newer version. @since 0.1.0 @category errors */
export class DatabaseTooNew extends Schema.TaggedError<DatabaseTooNew>()("DatabaseTooNew", {
  found: Schema.Finite,
  supported: Schema.Finite
}) {
  override get message() {
    return `The database has version ${this.found}, this program knows versions up to ${this.supported}. Update the program.`
  }
}

/** No tower with this public key or id is known. @since 0.1.0 @category errors */
export class TowerNotFound extends Schema.TaggedError<TowerNotFound>()("TowerNotFound", {
  tower: Schema.Union(PublicKey, TowerId)
}) {
  override get message() {
    return `No tower ${this.tower} is known. Add it first.`
  }
}

/** The last address of a tower cannot be removed; remove the tower. @since 0.1.0 @category errors */
export class LastTowerAddr extends Schema.TaggedError<LastTowerAddr>()("LastTowerAddr", {
  tower: PublicKey,
  address: TowerAddress
}) {
  override get message() {
    return `${this.address} is the last address of tower ${this.tower}. Add another one first, or remove the tower.`
  }
}

/** All 2^31 - 1 key indexes are used. @since 0.1.0 @category errors */
export class KeyIndexesExhausted extends Schema.TaggedError<KeyIndexesExhausted>()("KeyIndexesExhausted", {}) {
  override get message() {
    return "All session key indexes of this seed are used. Start a new database with a new seed."
  }
}

/** A session with this id is stored already. @since 0.1.0 @category errors */
export class ClientSessionAlreadyExists extends Schema.TaggedError<ClientSessionAlreadyExists>()(
  "ClientSessionAlreadyExists",
  { id: SessionId }
) {
  override get message() {
    return `The session ${this.id} is stored already.`
  }
}

/** A session cannot be stored: nothing is reserved for its tower and blob type. @since 0.1.0 @category errors */
export class NoReservedKeyIndex extends Schema.TaggedError<NoReservedKeyIndex>()("NoReservedKeyIndex", {
  towerId: TowerId
}) {
  override get message() {
    return `No key index is reserved for tower ${this.towerId} and this blob type.`
  }
}

/** A session cannot be stored: another key index is reserved for its tower and blob type. @since 0.1.0 @category errors */
export class IncorrectKeyIndex extends Schema.TaggedError<IncorrectKeyIndex>()("IncorrectKeyIndex", {
  towerId: TowerId,
  keyIndex: KeyIndex
}) {
  override get message() {
    return `Key index ${this.keyIndex} is not the one reserved for tower ${this.towerId}.`
  }
}

/** Another process has taken the reservation over; what it was for cannot be stored. @since 0.1.0 @category errors */
export class ReservationLost extends Schema.TaggedError<ReservationLost>()("ReservationLost", {
  keyIndex: KeyIndex
}) {
  override get message() {
    return `The reservation of key index ${this.keyIndex} ran out and was taken over; the session is not stored.`
  }
}

/** It stays unknown whether the session was stored; if it was, it is listed. @since 0.1.0 @category errors */
export class StoreOutcomeUnknown extends Schema.TaggedError<StoreOutcomeUnknown>()("StoreOutcomeUnknown", {
  id: SessionId,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return `The database did not say whether session ${this.id} was stored. If it was, it is in the list of sessions.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(StoreOutcomeUnknown, this)
  }
}

/**
 * What every operation can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export const DbError = Schema.Union(DatabaseBusy, DatabaseUnavailable, CorruptRow)
/** @since 0.1.0 @category errors */
export type DbError = typeof DbError.Type

/** What reserving a key index can fail with. @since 0.1.0 @category errors */
export const ReserveError = Schema.Union(DbError, TowerNotFound, KeyIndexesExhausted, ReservationLost)
/** @since 0.1.0 @category errors */
export type ReserveError = typeof ReserveError.Type

/** What storing a session can fail with. @since 0.1.0 @category errors */
export const StoreError = Schema.Union(
  DbError,
  TowerNotFound,
  ClientSessionAlreadyExists,
  NoReservedKeyIndex,
  IncorrectKeyIndex,
  ReservationLost,
  StoreOutcomeUnknown
)
/** @since 0.1.0 @category errors */
export type StoreError = typeof StoreError.Type
