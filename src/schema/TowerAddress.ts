/**
 * Where a tower listens: `host:port`, with an IPv4 or a bracketed IPv6 literal, a host name, or an onion v3 name
 * (protocol 12). Host names are kept as names and resolved at dial.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * An address in its one printed form: lowercase, always with a port. Equal addresses are equal strings.
 *
 * @since 0.1.0
 * @category ids
 */
export const TowerAddress = Schema.NonEmptyString.pipe(Schema.brand("TowerAddress"))
/** @since 0.1.0 @category ids */
export type TowerAddress = typeof TowerAddress.Type
