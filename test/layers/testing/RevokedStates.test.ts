import { assert, describe, it } from "@effect/vitest"
import { Transaction } from "@scure/btc-signer"
import { Effect, Either } from "effect"
import { fromHex, toHex } from "../../../src/internal/bytes.js"
import { decred } from "../../../src/internal/justice/decred.js"
import { nobleJusticeCurve as curve } from "../../../src/internal/justice/nobleJusticeCurve.js"
import { makeBackup } from "../../../src/layers/backup/makeBackup.js"
import * as RevokedStates from "../../../src/layers/testing/RevokedStates.js"
import * as Chain from "../../../src/schema/Chain.js"
import { blobTypeOf, type Punishable } from "../../../src/schema/Channel.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import * as IndependentTower from "../backup/independentTower.js"

const kinds = {
  legacy: "legacy",
  staticRemoteKey: "legacy",
  anchors: "anchor",
  taproot: "taproot",
  taprootFinal: "taprootFinal"
} as const

const known: ReadonlyArray<readonly [chain: Chain.Chain, type: Punishable]> = [
  [Chain.bitcoinRegtest, "legacy"],
  [Chain.bitcoinRegtest, "staticRemoteKey"],
  [Chain.bitcoinRegtest, "anchors"],
  [Chain.bitcoinRegtest, "taproot"],
  [Chain.bitcoinRegtest, "taprootFinal"],
  [Chain.decredSimnet, "legacy"],
  [Chain.decredSimnet, "staticRemoteKey"],
  [Chain.decredSimnet, "anchors"]
]

const make = (chain: Chain.Chain, type: Punishable, number?: number) =>
  Either.getOrThrow(RevokedStates.make({ chain, type, number }))

describe.each(known.map(([chain, type]) => ({ chain, type })))("the states of $chain.name $type", ({ chain, type }) => {
  it.effect("give backups that an independent tower punishes with", () =>
    Effect.gen(function* () {
      const { at, channel } = make(chain, type)
      const { sign, state } = at(2 ** 48 - 1)
      const policy = Policy.defaults(chain, blobTypeOf(type))
      const session = { chain, policy, rewardPkScript: HexBytes.make("") }
      const { encryptedBlob, hint } = yield* makeBackup(curve, session, channel, state, sign)
      const { localDelay, revocation, toRemote } = state.keys
      const scripts = IndependentTower.outputScripts(chain.name, kinds[type], {
        revocation,
        delay: localDelay,
        toRemote,
        csvDelay: state.csvDelay
      })
      const published = IndependentTower.publish(
        chain.name,
        kinds[type],
        policy.sweepFeeRate,
        state.commitmentTransaction,
        [
          { value: 390_000n, script: scripts.toRemote },
          { value: 600_000n, script: scripts.toLocal }
        ],
        encryptedBlob
      )
      assert.deepStrictEqual([published.hint, published.sweep], [hint, channel.sweepPkScript])
      assert.isAbove(Number(published.amount), 900_000)
    })
  )

  it("are the same in each call, and differ from height to height and from channel to channel", () => {
    const [one, other] = [make(chain, type, 1), make(chain, type, 2)]
    assert.deepStrictEqual(one.at(1).state, make(chain, type).at(1).state)
    const raw = [one.at(1), one.at(2), other.at(1)].map(({ state }) => state.commitmentTransaction)
    assert.strictEqual(new Set(raw).size, 3)
    assert.notStrictEqual(one.channel.id, other.channel.id)
  })
})

describe("a commitment transaction", () => {
  /** The height that lock time and sequence hide, as a node reads it (BOLT-3), up to the factor. */
  const hiddenIn = (lockTime: number, sequence: number): bigint => {
    assert.deepStrictEqual([lockTime >>> 24, sequence >>> 24], [0x20, 0x80])
    return (BigInt(sequence & 0xff_ffff) << 24n) | BigInt(lockTime & 0xff_ffff)
  }
  const heights = [0, 1, 2 ** 24, 2 ** 48 - 1]

  it("of Bitcoin spends the funding output, and hides its height", () => {
    const { at, channel } = make(Chain.bitcoinRegtest, "anchors")
    const [factor = 0n, ...others] = heights.map((height) => {
      const read = Transaction.fromRaw(fromHex(at(height).state.commitmentTransaction), {
        allowUnknownOutputs: true,
        allowUnknownInputs: true
      })
      const { index, sequence = 0, txid = new Uint8Array(0) } = read.getInput(0)
      assert.deepStrictEqual([read.inputsLength, index, toHex(txid.toReversed())], [1, 0, channel.id])
      return hiddenIn(read.lockTime, sequence)
    })
    assert.deepStrictEqual(
      others.map((hidden) => hidden ^ factor),
      heights.slice(1).map(BigInt)
    )
  })

  it("of Decred spends the funding output, and hides its height", () => {
    const { at, channel } = make(Chain.decredSimnet, "anchors")
    const [factor = 0n, ...others] = heights.map((height) => {
      const raw = fromHex(at(height).state.commitmentTransaction)
      assert.isTrue(Either.isRight(decred.readTransaction(raw)))
      const view = new DataView(raw.buffer, raw.byteOffset)
      // Version, one input of 32 + 4 + 1 + 4 bytes, two outputs of 8 + 2 + 1 + 23 bytes.
      assert.strictEqual(toHex(raw.subarray(5, 37)), channel.id)
      return hiddenIn(view.getUint32(47 + 2 * 34, true), view.getUint32(42, true))
    })
    assert.deepStrictEqual(
      others.map((hidden) => hidden ^ factor),
      heights.slice(1).map(BigInt)
    )
  })

  it("of a channel type that the towers of its chain do not know is refused by name", () => {
    const refused = RevokedStates.make({ chain: Chain.decredSimnet, type: "taproot" })
    assert.match(Either.getOrThrow(Either.flip(refused)).message, /RevokedStates.*decred.*taproot/)
  })
})
