/**
 * The wtwire messages 600 to 607 (docs/protocol.md, Messages; lnd v0.21.2 `watchtower/wtwire`), a file each.
 *
 * @since 0.1.0
 * @module
 */
import type { CreateSession } from "./CreateSession.js"
import type { CreateSessionReply } from "./CreateSessionReply.js"
import type { DeleteSession } from "./DeleteSession.js"
import type { DeleteSessionReply } from "./DeleteSessionReply.js"
import type { ErrorMessage } from "./ErrorMessage.js"
import type { Init } from "./Init.js"
import type { StateUpdate } from "./StateUpdate.js"
import type { StateUpdateReply } from "./StateUpdateReply.js"

/** Any message. @since 0.1.0 @category models */
export type Message =
  | Init
  | ErrorMessage
  | CreateSession
  | CreateSessionReply
  | StateUpdate
  | StateUpdateReply
  | DeleteSession
  | DeleteSessionReply
