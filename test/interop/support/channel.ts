/**
 * A channel of a node, and its revoked states as the node hands them in. Scripts and transactions are those of a tower that shares
 * nothing with the code under test.
 */
import { Either, Redacted } from "effect"
import { fromHex, toHex } from "../../../src/internal/bytes.js"
import * as Blob from "../../../src/internal/justice/blob.js"
import { nobleJusticeCurve } from "../../../src/internal/justice/nobleJusticeCurve.js"
import { justiceChainOf } from "../../../src/layers/backup/agreement.js"
import * as JusticeKeys from "../../../src/layers/JusticeKeys.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import type * as Chain from "../../../src/schema/Chain.js"
import { blobTypeOf, Channel, ChannelId, type Punishable } from "../../../src/schema/Channel.js"
import { HexBytes, Hint } from "../../../src/schema/Ids.js"
import { CommitHeight, RevokedState, type Sign } from "../../../src/schema/RevokedState.js"
import * as IndependentTower from "../../layers/backup/independentTower.js"

/** A revoked state, and the capability to sign for it. */
export interface NodeState {
  readonly state: RevokedState
  readonly sign: Sign
  readonly hint: Hint
  /** The id of its commitment transaction, as a hash. */
  readonly txid: HexBytes
}

export interface NodeChannel {
  readonly channel: Channel
  readonly stateAt: (height: number) => NodeState
}

const kinds: Readonly<Record<Punishable, IndependentTower.Kind>> = {
  legacy: "legacy",
  staticRemoteKey: "legacy",
  anchors: "anchor",
  taproot: "taproot",
  taprootFinal: "taprootFinal"
}

const types: ReadonlyArray<Punishable> = ["legacy", "staticRemoteKey", "anchors", "taproot", "taprootFinal"]

/** The channel types whose sessions a tower gives. */
export const typesFor = (accepts: ReadonlyArray<number>): ReadonlyArray<Punishable> =>
  types.filter((type) => accepts.includes(blobTypeOf(type)))

const sweepPkScripts = {
  bitcoin: [`0014${"44".repeat(20)}`, `0020${"55".repeat(32)}`, `5120${"66".repeat(32)}`],
  decred: [`76a914${"44".repeat(20)}88ac`]
}

const secretOf = (index: number) => Redacted.make(FixedKeyRing.secretOf(index))

/** Channel number n, from 1: each has secrets of its own. */
export const make = (chain: Chain.AnyChain, type: Punishable, n: number): NodeChannel => {
  const scripts = sweepPkScripts[chain.name]
  const channel = new Channel({
    id: ChannelId.make(n.toString(16).padStart(64, "0")),
    type,
    sweepPkScript: HexBytes.make(scripts[n % scripts.length] ?? "")
  })
  const firstSecret = 1_000_000 * n
  const csvDelay = 100 + n
  const justiceChain = justiceChainOf(nobleJusticeCurve, chain)
  const stateAt = (height: number): NodeState => {
    const { keys, sign } = Either.getOrThrow(
      JusticeKeys.fromChannel({
        type,
        revocationBasepointSecret: secretOf(firstSecret),
        paymentBasepointSecret: secretOf(firstSecret + 1),
        remoteDelayedPaymentBasepoint: FixedKeyRing.publicKeyOf(firstSecret + 2),
        perCommitmentSecret: secretOf(firstSecret + 3 + height)
      })
    )
    const { localDelay: delay, revocation, toRemote } = keys
    const outputs = IndependentTower.outputScripts(chain.name, kinds[type], { revocation, delay, toRemote, csvDelay })
    const toLocal = { value: 200_000n + BigInt(height), script: outputs.toLocal }
    const ours = { value: 300_000n - BigInt(height), script: outputs.toRemote }
    // Every third state has nothing of ours; of the others every second one has ours first.
    const present = height % 3 === 2 ? [toLocal] : height % 2 === 0 ? [toLocal, ours] : [ours, toLocal]
    const commitmentTransaction = HexBytes.make(IndependentTower.commitment(chain.name, present))
    const { txid } = Either.getOrThrow(justiceChain.readTransaction(fromHex(commitmentTransaction)))
    const commitHeight = CommitHeight.make(height)
    return {
      state: new RevokedState({ channelId: channel.id, commitHeight, commitmentTransaction, csvDelay, keys }),
      sign,
      hint: Hint.make(toHex(Blob.hint(justiceChain, txid))),
      txid: HexBytes.make(toHex(txid))
    }
  }
  return { channel, stateAt }
}
