/**
 * Where a wallet keeps its keys (docs/protocol.md, Key layouts).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import type * as Chain from "./Chain.js"

/**
 * `lnd`: m/1017'/coin'/family'/0/index. `dcrlnd` (its own wallet): m/44'/coin'/family'/0/index. `dcrlndRemote` (a remote
 * dcrwallet): m/44'/coin'/account'/1017'/family'/index.
 *
 * @since 0.1.0
 * @category models
 */
export const KeyLayout = Schema.Literal("lnd", "dcrlnd", "dcrlndRemote")
/** @since 0.1.0 @category models */
export type KeyLayout = typeof KeyLayout.Type

/** The layout of a chain's usual daemon. @since 0.1.0 @category combinators */
export const defaultOf = (chain: Chain.Chain): KeyLayout => (chain.name === "decred" ? "dcrlnd" : "lnd")
