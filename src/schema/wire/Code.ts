/**
 * The codes of replies (docs/protocol.md, Codes). Any other 16-bit number decodes too.
 *
 * @since 0.1.0
 * @module
 */

/** Accepted. @since 0.1.0 @category models */
export const ok = 0
/** Try later; also what real towers say to a bad policy (docs/protocol.md, CreateSession). @since 0.1.0 @category models */
export const temporaryFailure = 40
/** Never. @since 0.1.0 @category models */
export const permanentFailure = 50
/** CreateSession: the key has a session with updates. @since 0.1.0 @category models */
export const alreadyExists = 60
/** CreateSession. @since 0.1.0 @category models */
export const rejectMaxUpdates = 61
/** CreateSession. @since 0.1.0 @category models */
export const rejectRewardRate = 62
/** CreateSession. @since 0.1.0 @category models */
export const rejectSweepFeeRate = 63
/** CreateSession. @since 0.1.0 @category models */
export const rejectBlobType = 64
/** StateUpdate. @since 0.1.0 @category models */
export const clientBehind = 70
/** StateUpdate. @since 0.1.0 @category models */
export const maxUpdatesExceeded = 71
/** StateUpdate. @since 0.1.0 @category models */
export const seqNumOutOfOrder = 72
/** DeleteSession: no such session. @since 0.1.0 @category models */
export const notFound = 80
