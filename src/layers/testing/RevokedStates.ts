/**
 * A channel and its revoked states without a node: real keys, scripts and commitment transactions, for tests of what hands states to
 * a `TowerClient`. Never for real channels, since anybody can compute their keys.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Chain, type TowerClient } from "effect-watchtower"
 * import { type LoopbackTower, RevokedStates } from "effect-watchtower/testing"
 *
 * // What the tower broadcasts when the other side of the channel publishes its state 3.
 * export const backedUpAndPunished = (client: TowerClient.TowerClient.Service, tower: LoopbackTower.LoopbackTower) =>
 *   Effect.gen(function* () {
 *     const { at, channel } = yield* RevokedStates.make({ chain: Chain.bitcoinRegtest, type: "anchors" })
 *     const { sign, state } = at(3)
 *     yield* client.registerChannel(channel)
 *     yield* client.backupState(state, sign)
 *     yield* client.awaitBackup(channel.id, state.commitHeight)
 *     return yield* tower.breach(state.commitmentTransaction)
 *   })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { concat, fromHex, toHex } from "../../internal/bytes.js"
import * as Commitment from "../../internal/justice/commitment.js"
import { nobleJusticeCurve as curve } from "../../internal/justice/nobleJusticeCurve.js"
import type { Chain } from "../../schema/Chain.js"
import { blobTypeOf, Channel, ChannelId, type Punishable } from "../../schema/Channel.js"
import { HexBytes, PublicKey } from "../../schema/Ids.js"
import { InvalidOptions } from "../../schema/InvalidOptions.js"
import * as Policy from "../../schema/Policy.js"
import { CommitHeight, RevokedState, type Sign } from "../../schema/RevokedState.js"
import { agreementOf } from "../backup/agreement.js"
import * as JusticeKeys from "../JusticeKeys.js"

/** Which channel. @since 0.1.0 @category models */
export interface Options {
  readonly chain: Chain
  /** Decred has no taproot channels. */
  readonly type: Punishable
  /** Channels with different numbers have different ids and keys. Default: 1. */
  readonly number?: number | undefined
}

/** A state, and who signs for it. @since 0.1.0 @category models */
export interface SignedState {
  /** `commitmentTransaction` is unsigned: towers find it by its id, which covers no signature. */
  readonly state: RevokedState
  readonly sign: Sign
}

/** A channel and its states. @since 0.1.0 @category testing */
export interface RevokedStates {
  readonly channel: Channel
  /** The state of this height, the same in each call. */
  readonly at: (height: number) => SignedState
}

/** 1,000,000 satoshi or atoms are in the channel; what is missing is the commitment's own fee. */
const values = { funding: 1_000_000n, toLocal: 600_000n, toRemote: 390_000n }

/** A day of Bitcoin's blocks. */
const csvDelay = 144

/** A wallet's script: P2WPKH, or on Decred P2PKH. */
const walletScripts: Readonly<Record<Chain["name"], (hash: string) => string>> = {
  bitcoin: (hash) => `0014${hash}`,
  decred: (hash) => `76a914${hash}88ac`
}

const write: Readonly<Record<Chain["name"], (parts: Commitment.Parts) => Uint8Array>> = {
  bitcoin: Commitment.bitcoin,
  decred: Commitment.decred
}

/** The lower 48 bits of a hash of both payment base points, the opener's first; the other side opened the channel (BOLT-3). */
const obscuringFactor = (theirs: Uint8Array, ours: Uint8Array): bigint =>
  BigInt(`0x${toHex(sha256(concat(theirs, ours)).subarray(26))}`)

/**
 * The channel of these options, with the states of both sides' balances: to_local has 600,000 satoshi or atoms, to_remote 390,000. There
 * are no outputs of anchors or HTLCs, which no tower looks at.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ chain, number = 1, type }: Options): Either.Either<RevokedStates, InvalidOptions> =>
  Either.gen(function* () {
    const policy = Policy.defaults(chain, blobTypeOf(type))
    const agreement = agreementOf(curve, { chain, policy, rewardPkScript: HexBytes.make("") })
    if (agreement === undefined) {
      const detail = `type takes what the towers of ${chain.name} know, and they do not know ${type} channels.`
      return yield* Either.left(new InvalidOptions({ layer: "RevokedStates", detail }))
    }
    const hash = (name: string): Uint8Array => sha256(new TextEncoder().encode(`channel ${number}: ${name}`))
    const secret = (name: string) => Redacted.make(hash(name))
    const pointOf = (name: string): Uint8Array => curve.publicKey(hash(name))

    // The id of a channel is that of its funding transaction where its output is number 0 (BOLT-2).
    const fundingTxid = hash("funding transaction")
    const channel = new Channel({
      id: ChannelId.make(toHex(fundingTxid)),
      type,
      sweepPkScript: HexBytes.make(walletScripts[chain.name](toHex(hash("wallet").subarray(0, 20))))
    })
    const obscured = obscuringFactor(pointOf("their payment base point"), pointOf("payment base point"))

    const at = (height: number): SignedState => {
      const commitHeight = CommitHeight.make(height)
      // Hashes are secrets of the curve but for a chance of 2^-128, and always the same ones.
      const { keys, sign } = Either.getOrThrow(
        JusticeKeys.fromChannel({
          type,
          revocationBasepointSecret: secret("revocation base point"),
          paymentBasepointSecret: secret("payment base point"),
          remoteDelayedPaymentBasepoint: PublicKey.make(toHex(pointOf("their delayed payment base point"))),
          perCommitmentSecret: secret(`their per-commitment secret ${height}`)
        })
      )
      const { toLocal, toRemote } = agreement.form.spends({
        revocation: fromHex(keys.revocation),
        delay: fromHex(keys.localDelay),
        toRemote: fromHex(keys.toRemote),
        csvDelay
      })
      const commitment = write[chain.name]({
        fundingTxid,
        fundingValue: values.funding,
        obscuredHeight: Number(BigInt(commitHeight) ^ obscured),
        // By amount, as BIP-69 has it.
        outputs: [
          { value: values.toRemote, script: toRemote.pkScript },
          { value: values.toLocal, script: toLocal.pkScript }
        ]
      })
      const commitmentTransaction = HexBytes.make(toHex(commitment))
      return {
        state: new RevokedState({ channelId: channel.id, commitHeight, commitmentTransaction, csvDelay, keys }),
        sign
      }
    }
    return { channel, at }
  })
