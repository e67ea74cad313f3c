/** What client and tower have to agree upon for the justice transactions of one session. @since 0.1.0 */
import type { Terms } from "./amounts.js"
import type { JusticeChain } from "./chain.js"
import type { Form } from "./form.js"

/** The chain, the form of the channel's commitments, and how the swept amount is divided. @since 0.1.0 @category models */
export interface Agreement {
  readonly chain: JusticeChain
  readonly form: Form
  readonly terms: Terms
}
