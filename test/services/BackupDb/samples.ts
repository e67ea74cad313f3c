import { Channel, ChannelId } from "../../../src/schema/Channel.js"
import { HexBytes, Hint, SessionId } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import { CommitHeight } from "../../../src/schema/RevokedState.js"
import { NewBackup, SenderToken } from "../../../src/schema/StoredBackup.js"
import { policy } from "../ClientDb/samples.js"

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0")

export const channelId = (n: number) => ChannelId.make(hex(n, 64))
export const channel = (n: number) =>
  new Channel({ id: channelId(n), type: "anchors", sweepPkScript: HexBytes.make(`0014${hex(n, 40)}`) })
export const height = (n: number) => CommitHeight.make(n)
export const sender = SenderToken.make("sender")
export const nobodysSession = SessionId.make(`02${hex(9, 64)}`)

/** Sessions of few updates, so that they are used up. */
export const short = Policy.of({ ...policy, maxUpdates: 4 })
export const long = Policy.of(policy)

/** A backup whose bytes are its own. `transaction` other than 0 is another one under the same height. */
export const backup = (
  n: number,
  at: number,
  {
    copies = 1,
    of = long,
    transaction = 0
  }: { readonly copies?: number; readonly of?: Policy.Policy; readonly transaction?: number } = {}
) =>
  new NewBackup({
    channelId: channelId(n),
    commitHeight: height(at),
    policyKey: Policy.keyOf(of),
    hint: Hint.make(hex(transaction, 4) + hex(n, 8) + hex(at, 20)),
    encryptedBlob: HexBytes.make((hex(n, 4) + hex(at, 12)).repeat(39) + hex(transaction, 4)),
    copies
  })
