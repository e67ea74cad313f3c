/**
 * How a tower's database encodes a session (lnd v0.21.2 and dcrlnd v0.8.1 `wtdb.SessionInfo`), to compare ours with it
 * byte for byte.
 */
import { toHex } from "../../../src/internal/bytes.js"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import { CreateSession } from "../../../src/schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"

/** The bytes behind the message's type. */
const payload = (message: CreateSession | CreateSessionReply): string => toHex(Codec.encode(message)).slice(4)

/** Id, the five fields of the policy, last applied, what the client claimed, reward script. */
export const encoded = (session: ClientSession, lastApplied = 0, claimed = 0): string => {
  const counts = new CreateSessionReply({ code: lastApplied, lastApplied: claimed, data: session.rewardPkScript })
  return session.id + payload(new CreateSession(session.policy)) + payload(counts)
}
