/**
 * The names of things: branded numbers and lowercase hex strings, so that equal values are equal,
 * print as themselves and serve as map, SQL and JSON keys.
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Ids } from "effect-watchtower"
 *
 * // A table of the application's own, by the same names.
 * export class Backup extends Schema.Class<Backup>("Backup")({
 *   session: Ids.SessionId,
 *   sequence: Schema.Int
 * }) {}
 *
 * export const isKey = Schema.is(Ids.PublicKey)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"

/**
 * A compressed secp256k1 public key: 33 bytes as 66 lowercase hex digits, first byte 02 or 03 (BOLT-8).
 * The pattern does not prove that the point is on the curve; code that reads a key from outside checks that.
 *
 * @since 0.1.0
 * @category ids
 */
export const PublicKey = Schema.String.pipe(
  Schema.pattern(/^0[23][0-9a-f]{64}$/, { message: () => "a compressed public key is 66 lowercase hex digits" }),
  Schema.brand("PublicKey")
)
/** @since 0.1.0 @category ids */
export type PublicKey = typeof PublicKey.Type

/**
 * A session's name: the public key of its session key (docs/protocol.md, ECDH), the same 66 hex digits.
 *
 * @since 0.1.0
 * @category ids
 */
export const SessionId = PublicKey.pipe(Schema.brand("SessionId"))
/** @since 0.1.0 @category ids */
export type SessionId = typeof SessionId.Type

/**
 * The row number that a database gave a tower; positive, never reused (lnd v0.21.2 `wtdb.TowerID`).
 *
 * @since 0.1.0
 * @category ids
 */
export const TowerId = Schema.Int.pipe(Schema.positive(), Schema.brand("TowerId"))
/** @since 0.1.0 @category ids */
export type TowerId = typeof TowerId.Type

/** The largest key index: children of a key are numbered by 31 bits (BIP-32). @since 0.1.0 @category ids */
export const maxKeyIndex = 0x7fff_ffff

/**
 * The child number of a session key, from 1 to 2^31 - 1; 0 is never used (docs/protocol.md, Key layouts).
 *
 * @since 0.1.0
 * @category ids
 */
export const KeyIndex = Schema.Int.pipe(Schema.between(1, maxKeyIndex), Schema.brand("KeyIndex"))
/** @since 0.1.0 @category ids */
export type KeyIndex = typeof KeyIndex.Type

/**
 * The hash of a chain's genesis block in wire order, 64 lowercase hex digits (docs/protocol.md, Chains).
 *
 * @since 0.1.0
 * @category ids
 */
export const ChainHash = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{64}$/, { message: () => "a chain hash is 64 lowercase hex digits" }),
  Schema.brand("ChainHash")
)
/** @since 0.1.0 @category ids */
export type ChainHash = typeof ChainHash.Type

/**
 * The hint of a backup: 16 bytes as 32 lowercase hex digits, the first half of a hash of the commitment transaction's id
 * (docs/protocol.md, Hint, key and blob).
 *
 * @since 0.1.0
 * @category ids
 */
export const Hint = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{32}$/, { message: () => "a hint is 32 lowercase hex digits" }),
  Schema.brand("Hint")
)
/** @since 0.1.0 @category ids */
export type Hint = typeof Hint.Type

/**
 * Bytes of no fixed length (a reward script, the data of a reply) as lowercase hex.
 *
 * @since 0.1.0
 * @category ids
 */
export const HexBytes = Schema.String.pipe(
  Schema.pattern(/^([0-9a-f]{2})*$/, { message: () => "bytes are written as pairs of lowercase hex digits" }),
  Schema.brand("HexBytes")
)
/** @since 0.1.0 @category ids */
export type HexBytes = typeof HexBytes.Type

/**
 * The random token under which a reservation is held. A process whose reservation was taken over has another one than the database (docs/negotiation.md,
 * Reservations).
 *
 * @since 0.1.0
 * @category ids
 */
export const LeaseToken = Schema.NonEmptyString.pipe(Schema.brand("LeaseToken"))
/** @since 0.1.0 @category ids */
export type LeaseToken = typeof LeaseToken.Type

/**
 * How a key is shown to a tower: over a direct connection, or through Tor. A key shown on one route is not used on
 * the other (docs/negotiation.md, Privacy).
 *
 * @since 0.1.0
 * @category ids
 */
export const Route = Schema.Literal("clear", "tor")
/** @since 0.1.0 @category ids */
export type Route = typeof Route.Type

/** An instant, in milliseconds since 1970 by the Clock; within what a `Date` can be, so that each can be printed. @since 0.1.0 @category ids */
export const Instant = Schema.Finite.pipe(Schema.between(-8.64e15, 8.64e15))
/** @since 0.1.0 @category ids */
export type Instant = typeof Instant.Type
