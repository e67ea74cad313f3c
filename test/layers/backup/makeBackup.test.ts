import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, FastCheck, Option, Redacted } from "effect"
import { fromHex, toHex } from "../../../src/internal/bytes.js"
import * as Derivation from "../../../src/internal/justice/derivation.js"
import { nobleJusticeCurve as curve } from "../../../src/internal/justice/nobleJusticeCurve.js"
import { punish } from "../../../src/internal/justice/punish.js"
import { agreementOf } from "../../../src/layers/backup/agreement.js"
import { makeBackup } from "../../../src/layers/backup/makeBackup.js"
import * as JusticeKeys from "../../../src/layers/JusticeKeys.js"
import { BlobType } from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { blobTypeOf, Channel, ChannelId, type ChannelType } from "../../../src/schema/Channel.js"
import { HexBytes, PublicKey } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import { CommitHeight, RevokedState, SignError } from "../../../src/schema/RevokedState.js"
import * as IndependentTower from "./independentTower.js"
import { pureBackup } from "./pureBackup.js"

/** The channel types, and the form that the independent tower knows them by. */
const kinds = {
  legacy: "legacy",
  staticRemoteKey: "legacy",
  anchors: "anchor",
  taproot: "taproot",
  taprootFinal: "taprootFinal"
} as const
type Type = keyof typeof kinds

const types: ReadonlyArray<readonly [chain: Chain.AnyChain, type: Type]> = [
  [Chain.bitcoinMainnet, "legacy"],
  [Chain.bitcoinMainnet, "staticRemoteKey"],
  [Chain.bitcoinMainnet, "anchors"],
  [Chain.bitcoinMainnet, "taproot"],
  [Chain.bitcoinMainnet, "taprootFinal"],
  [Chain.decredMainnet, "legacy"],
  [Chain.decredMainnet, "staticRemoteKey"],
  [Chain.decredMainnet, "anchors"]
]

const sweepScripts = {
  bitcoin: [`0014${"44".repeat(20)}`, `0020${"55".repeat(32)}`, `5120${"66".repeat(32)}`],
  decred: [`76a914${"44".repeat(20)}88ac`]
}
const first = (scripts: ReadonlyArray<string>): string => scripts[0] ?? ""

/** A state to begin with: 300,000 in two outputs, to_remote before to_local. */
interface World {
  readonly chain: Chain.AnyChain
  readonly type: ChannelType
  readonly seed: number
  readonly csvDelay: number
  readonly sweep: string
  readonly feeRate: bigint
  readonly toLocal: bigint | undefined
  readonly toRemote: bigint | undefined
  readonly swapped: boolean
  readonly others: ReadonlyArray<bigint>
  readonly policy: Partial<Policy.Policy>
  readonly reward: string
}

const world = (chain: Chain.AnyChain, type: ChannelType, change: Partial<World> = {}): World => ({
  chain,
  type,
  seed: 1,
  csvDelay: 144,
  sweep: first(sweepScripts[chain.name]),
  feeRate: chain.defaultFeeRate,
  toLocal: 200_000n,
  toRemote: 100_000n,
  swapped: false,
  others: [],
  policy: {},
  reward: "",
  ...change
})

const secret = (seed: number, name: number): string =>
  toHex(Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? name : (seed >>> (8 * (i % 4))) & 0xff)))

const kindOf = (type: ChannelType): IndependentTower.Kind => (type === "scriptEnforcedLease" ? "anchor" : kinds[type])

/** The state of a world, its keys and its session. */
const setUp = (of: World) => {
  const redacted = (name: number) => Redacted.make(fromHex(secret(of.seed, name)))
  const { keys, sign } = Either.getOrThrow(
    JusticeKeys.fromChannel({
      type: of.type,
      revocationBasepointSecret: redacted(1),
      paymentBasepointSecret: redacted(2),
      remoteDelayedPaymentBasepoint: PublicKey.make(toHex(curve.publicKey(fromHex(secret(of.seed, 3))))),
      perCommitmentSecret: redacted(4)
    })
  )
  const scripts = IndependentTower.outputScripts(of.chain.name, kindOf(of.type), {
    revocation: keys.revocation,
    delay: keys.localDelay,
    toRemote: keys.toRemote,
    csvDelay: of.csvDelay
  })
  const own = [
    ...(of.toRemote === undefined ? [] : [{ value: of.toRemote, script: scripts.toRemote }]),
    ...(of.toLocal === undefined ? [] : [{ value: of.toLocal, script: scripts.toLocal }])
  ]
  // HTLC outputs look like to_local: P2SH on Decred, P2WSH or P2TR on Bitcoin.
  const htlc =
    of.chain.name === "decred" ? `a914${"77".repeat(20)}87` : `${scripts.toLocal.slice(0, 4)}${"77".repeat(32)}`
  const outputs = [...of.others.map((value) => ({ value, script: htlc })), ...(of.swapped ? own.toReversed() : own)]
  const channel = new Channel({
    id: ChannelId.make("ab".repeat(32)),
    type: of.type,
    sweepPkScript: HexBytes.make(of.sweep)
  })
  const state = new RevokedState({
    channelId: channel.id,
    commitHeight: CommitHeight.make(7),
    commitmentTransaction: HexBytes.make(IndependentTower.commitment(of.chain.name, outputs)),
    csvDelay: of.csvDelay,
    keys
  })
  const chain: Chain.Chain = of.chain
  const session = {
    chain,
    policy: Policy.of({
      ...Policy.defaults(chain, blobTypeOf(of.type === "scriptEnforcedLease" ? "anchors" : of.type)),
      sweepFeeRate: chain.feeRate(of.feeRate),
      ...of.policy
    }),
    rewardPkScript: HexBytes.make(of.reward)
  }
  return { channel, outputs, session, sign, state }
}

const make = (of: World) => {
  const { channel, session, sign, state } = setUp(of)
  return Effect.runSync(Effect.either(makeBackup(curve, session, channel, state, sign)))
}

/** `accepted`, or the reason against it. */
const verdict = (of: World): string => Either.match(make(of), { onLeft: describeError, onRight: () => "accepted" })
const describeError = (error: Either.Either.Left<ReturnType<typeof make>>): string =>
  error._tag === "SignError" ? error._tag : error.reason._tag

/** The same of the pure code, for channels with static_remotekey: it takes rewards too, although sessions with one are refused. */
const pureVerdict = (of: World): string => {
  const { session, state } = setUp(of)
  const { localDelay, revocation, toRemote } = state.keys
  const perCommitment = fromHex(secret(of.seed, 4))
  const made = pureBackup(
    curve,
    Option.getOrThrow(Option.fromNullable(agreementOf(curve, session))),
    {
      commitment: fromHex(state.commitmentTransaction),
      keys: {
        revocation: fromHex(revocation),
        delay: fromHex(localDelay),
        toRemote: fromHex(toRemote),
        csvDelay: state.csvDelay
      },
      sweepScript: fromHex(of.sweep)
    },
    {
      toLocal: Either.getOrThrow(
        Derivation.revocationSecret(curve, fromHex(secret(of.seed, 1)), {
          secret: perCommitment,
          point: curve.publicKey(perCommitment)
        })
      ),
      toRemote: fromHex(secret(of.seed, 2))
    },
    new Uint8Array(24)
  )
  return Either.match(made, { onLeft: ({ reason }) => reason, onRight: () => "accepted" })
}

const csvDelays = FastCheck.oneof(
  FastCheck.constantFrom(1, 16, 17, 127, 128, 255, 256, 32_767, 32_768, 65_535),
  FastCheck.integer({ min: 0, max: 65_535 })
)
const amount = FastCheck.bigInt(100_000n, 2_000_000_000_000n)

describe.each(types.map(([chain, type]) => ({ chain, type })))("a backup of $chain.name $type", ({ chain, type }) => {
  const random = FastCheck.record({
    seed: FastCheck.integer({ min: 1, max: 0x7fff_ffff }),
    csvDelay: csvDelays,
    sweep: FastCheck.constantFrom(...sweepScripts[chain.name]),
    feeRate: FastCheck.bigInt(chain.minFeeRate, 10n * chain.minFeeRate),
    toLocal: amount,
    toRemote: FastCheck.option(amount, { nil: undefined }),
    swapped: FastCheck.boolean(),
    others: FastCheck.array(amount, { maxLength: 3 })
  })

  it("is what an independent tower makes the same transaction of", () => {
    FastCheck.assert(
      FastCheck.property(random, (change) => {
        const of = world(chain, type, change)
        const { outputs, session, state } = setUp(of)
        const backup = Either.getOrThrow(make(of))
        const raw = state.commitmentTransaction
        const theirs = IndependentTower.publish(
          chain.name,
          kindOf(type),
          of.feeRate,
          raw,
          outputs,
          backup.encryptedBlob
        )
        assert.strictEqual(backup.hint, theirs.hint)
        assert.strictEqual(theirs.sweep, of.sweep)
        const agreement = agreementOf(curve, session)
        assert.isDefined(agreement)
        const commitment = Either.getOrThrow(agreement.chain.readTransaction(fromHex(raw)))
        const ours = punish(curve, agreement, commitment, fromHex(backup.encryptedBlob))
        const { amounts, justice } = Either.getOrThrow(ours)
        assert.strictEqual(toHex(agreement.chain.signed(justice)), theirs.transaction)
        assert.strictEqual(amounts.sweep, theirs.amount)
      }),
      { numRuns: 12, seed: 20_261_128 }
    )
  })
})

/** The fee of a state with both outputs, for one output of the first sweep script. */
const fees = { bitcoin: (759n * 2500n) / 1000n, decred: (432n * 10_000n) / 1000n }
const dust = { bitcoin: 294n, decred: 6030n }

describe.each([Chain.bitcoinMainnet, Chain.decredMainnet])("the borders of eligibility on $name", (chain) => {
  const holding = (total: bigint, change: Partial<World> = {}) =>
    world(chain, "staticRemoteKey", { toRemote: 1n, toLocal: total - 1n, ...change })
  const fee = fees[chain.name]

  it("a sweep of the dust limit is enough, one unit less is dust", () => {
    assert.strictEqual(verdict(holding(fee + dust[chain.name])), "accepted")
    assert.strictEqual(verdict(holding(fee + dust[chain.name] - 1n)), "CreatesDust")
  })

  it("a fee of all that there is leaves dust, one unit more exceeds it", () => {
    assert.strictEqual(verdict(holding(fee)), "CreatesDust")
    assert.strictEqual(verdict(holding(fee - 1n)), "FeeExceedsInputs")
  })

  it("all coins can be held, one unit more cannot", () => {
    const all = 2_100_000_000_000_000n
    assert.strictEqual(verdict(holding(all)), "accepted")
    assert.strictEqual(verdict(holding(all + 1n)), "ImpossibleAmount")
    assert.strictEqual(verdict(holding(all, { others: [1n] })), "ImpossibleAmount")
  })

  const reward = chain.name === "bitcoin" ? `0014${"33".repeat(20)}` : `76a914${"33".repeat(20)}88ac`
  const rewarded = (rewardBase: bigint, rewardRate = 0, toLocal = 200_000n) =>
    pureVerdict(
      world(chain, "staticRemoteKey", {
        toLocal,
        reward,
        policy: { blobType: BlobType.make(3), rewardBase: Number(rewardBase), rewardRate }
      })
    )
  const rewardFee = chain.name === "bitcoin" ? ((759n + 4n * 31n) * 2500n) / 1000n : ((432n + 36n) * 10_000n) / 1000n

  it("a reward can take all but fee and dust limit", () => {
    const most = 300_000n - rewardFee - dust[chain.name]
    assert.strictEqual(rewarded(most), "accepted")
    assert.strictEqual(rewarded(most + 1n), "CreatesDust")
    assert.strictEqual(rewarded(300_000n - rewardFee), "CreatesDust")
    assert.strictEqual(rewarded(300_000n - rewardFee + 1n), "RewardExceedsInputs")
    assert.strictEqual(rewarded(300_001n), "RewardExceedsInputs")
  })

  it("a share that the Go towers cannot round up in 64 bits is refused, to the unit", () => {
    // They add 999,999 before they divide.
    const most = (1n << 63n) - 1n - 999_999n
    const sharing = (product: bigint, rate: bigint) => {
      assert.strictEqual(product % rate, 0n)
      return rewarded(0n, Number(rate), product / rate - 100_000n)
    }
    assert.strictEqual(sharing(most - 30_839n, 30_839n), "accepted")
    assert.strictEqual(sharing(most, 30_839n), "accepted")
    assert.strictEqual(sharing(most + 1n, 13_843n), "RewardOverflows")
    assert.strictEqual(sharing(most + 30_839n, 30_839n), "RewardOverflows")
  })

  it("without to_local no tower does anything, whatever else there is", () => {
    assert.strictEqual(verdict(world(chain, "anchors", { toLocal: undefined })), "NoToLocal")
    assert.strictEqual(
      verdict(world(chain, "staticRemoteKey", { toLocal: undefined, toRemote: undefined })),
      "NoToLocal"
    )
    assert.strictEqual(verdict(world(chain, "anchors", { toRemote: undefined })), "accepted")
  })

  it("a sweep script has to be one of those that towers can pay to", () => {
    const refused = [
      "",
      `a914${"44".repeat(20)}87`,
      `0014${"44".repeat(19)}`,
      `0014${"44".repeat(21)}`,
      `0020${"44".repeat(31)}`,
      `5220${"44".repeat(32)}`,
      `5120${"44".repeat(31)}`,
      `76a914${"44".repeat(20)}88ad`,
      chain.name === "bitcoin" ? first(sweepScripts.decred) : first(sweepScripts.bitcoin)
    ]
    for (const sweep of refused) assert.strictEqual(verdict(world(chain, "anchors", { sweep })), "SweepScript", sweep)
    for (const sweep of sweepScripts[chain.name])
      assert.strictEqual(verdict(world(chain, "anchors", { sweep })), "accepted")
  })

  it("lease channels, and channels of another type than the session's, are refused by name", () => {
    assert.strictEqual(verdict(world(chain, "scriptEnforcedLease")), "ScriptEnforcedLease")
    assert.strictEqual(verdict(world(chain, "anchors", { policy: { blobType: BlobType.make(2) } })), "OtherBlobType")
    assert.strictEqual(
      verdict(world(chain, "staticRemoteKey", { policy: { blobType: BlobType.make(6) } })),
      "OtherBlobType"
    )
  })
})

describe("other terms", () => {
  it("a reward in anything but P2WPKH is refused on Bitcoin, since the tower reckons with another fee", () => {
    for (const reward of [`5120${"33".repeat(32)}`, `0020${"33".repeat(32)}`, ""]) {
      const policy = { blobType: BlobType.make(3), rewardRate: 10_000 }
      assert.strictEqual(
        pureVerdict(world(Chain.bitcoinMainnet, "staticRemoteKey", { reward, policy })),
        "RewardScript"
      )
    }
  })

  it("a session with a reward is refused by name, whatever its script", () => {
    for (const [chain, type] of types) {
      const policy = { blobType: BlobType.make(blobTypeOf(type) | 1), rewardRate: 10_000 }
      for (const reward of ["", `0014${"33".repeat(20)}`, `76a914${"33".repeat(20)}88ac`]) {
        assert.strictEqual(verdict(world(chain, type, { reward, policy })), "RewardType", `${chain.name} ${type}`)
      }
    }
  })

  it("taproot channels are refused on Decred", () => {
    assert.strictEqual(verdict(world(Chain.decredMainnet, "taproot")), "NotOnThisChain")
    assert.strictEqual(verdict(world(Chain.decredMainnet, "taprootFinal")), "NotOnThisChain")
  })
})

describe("bad input", () => {
  const of = world(Chain.bitcoinMainnet, "staticRemoteKey")
  const { channel, session, sign, state } = setUp(of)
  const given = (change: Partial<RevokedState>, by = sign) =>
    Effect.runSync(Effect.flip(makeBackup(curve, session, channel, new RevokedState({ ...state, ...change }), by)))
  const raw = state.commitmentTransaction
  const secrets = [1, 2, 3, 4].map((name) => secret(of.seed, name))

  const cases: ReadonlyArray<readonly [what: string, error: ReturnType<typeof given>, message: RegExp]> = [
    [
      "a transaction that is cut short",
      given({ commitmentTransaction: HexBytes.make(raw.slice(0, -2)) }),
      /cannot be read: it is cut short/
    ],
    [
      "bytes behind the transaction",
      given({ commitmentTransaction: HexBytes.make(`${raw}00`) }),
      /cannot be read: more bytes follow it/
    ],
    ["no bytes at all", given({ commitmentTransaction: HexBytes.make("") }), /cannot be read: it is cut short/],
    [
      "a key that is not on the curve",
      given({ keys: { ...state.keys, localDelay: PublicKey.make(`02${"ff".repeat(32)}`) } }),
      /its delay key is not a point on the curve/
    ],
    [
      "the to_remote key of another channel",
      given({ keys: { ...state.keys, toRemote: state.keys.revocation } }),
      /a to_remote output that is not of its to_remote key/
    ],
    [
      "the revocation key of another state",
      given({ keys: { ...state.keys, revocation: state.keys.toRemote } }),
      /no to_local output of these keys and this delay/
    ],
    ["another delay", given({ csvDelay: 145 }), /no to_local output of these keys and this delay/],
    [
      "a signature of another digest",
      given({}, (request) =>
        request.role === "toRemote" ? sign({ ...request, digest: HexBytes.make("11".repeat(32)) }) : sign(request)
      ),
      /the signature for to_remote does not hold for its key and digest; it has to be 64 bytes, with a low s/
    ],
    [
      "a signature with a high s",
      given({}, (request) =>
        Effect.map(sign(request), (signature) => {
          const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
          const s = order - BigInt(`0x${toHex(signature.subarray(32))}`)
          return fromHex(toHex(signature.subarray(0, 32)) + s.toString(16).padStart(64, "0"))
        })
      ),
      /the signature for to_remote does not hold for its key and digest; it has to be 64 bytes, with a low s/
    ],
    [
      "a signature of zeros",
      given({}, () => Effect.succeed(new Uint8Array(64))),
      /the signature for to_remote does not hold for its key and digest; it has to be 64 bytes, with a low s/
    ],
    [
      "a signature of 63 bytes",
      given({}, (request) => Effect.map(sign(request), (signature) => signature.subarray(1))),
      /the signature for to_local does not hold for its key and digest; it has to be 64 bytes, with a low s/
    ],
    [
      "a signer that fails",
      given({}, ({ role }) => Effect.fail(new SignError({ role, detail: "it is locked" }))),
      /gave no signature for to_local: it is locked/
    ]
  ]

  it.each(cases)("%s is typed, in one sentence, and tells no secret", (_, error, message) => {
    assert.match(error.message, message)
    assert.notInclude(error.message.slice(0, -1), "\n")
    const told = JSON.stringify(error) + String(error)
    for (const one of secrets) assert.notInclude(told, one)
  })

  it("a state with a signature is the same transaction", () => {
    // Marker and flag behind the version, and before the lock time a witness of one item.
    const signed = `${raw.slice(0, 8)}0001${raw.slice(8, -8)}0101aa${raw.slice(-8)}`
    const hintOf = (commitmentTransaction: string) =>
      Effect.runSync(
        makeBackup(
          curve,
          session,
          channel,
          new RevokedState({ ...state, commitmentTransaction: HexBytes.make(commitmentTransaction) }),
          sign
        )
      ).hint
    assert.strictEqual(hintOf(signed), hintOf(raw))
  })
})

describe("a commitment transaction of Decred that is", () => {
  const { channel, session, sign, state } = setUp(world(Chain.decredMainnet, "anchors"))
  const raw = state.commitmentTransaction
  // A count, and of the one witness its amount, its block and an empty script.
  const prefix = raw.slice(0, -2 * (1 + 8 + 8 + 1))
  // The version, and the count of inputs, the one input, the count of outputs and the first amount.
  const scriptVersion = 2 * (4 + 1 + 41 + 1 + 8)

  const given = (commitmentTransaction: string) =>
    Effect.runSync(
      Effect.either(
        makeBackup(
          curve,
          session,
          channel,
          new RevokedState({ ...state, commitmentTransaction: HexBytes.make(commitmentTransaction) }),
          sign
        )
      )
    )

  const cases = [
    [
      "neither whole nor the first half, whatever follows",
      "02000200",
      /neither a whole transaction nor its first half/
    ],
    ["without a witness for its input", `${prefix}00`, /does not have one witness for each input/],
    [
      "of another version of scripts",
      `${raw.slice(0, scriptVersion)}0100${raw.slice(scriptVersion + 4)}`,
      /a script of another version than 0/
    ]
  ] as const
  it.each(cases)("%s is refused for that", (_, transaction, message) => {
    const made = given(transaction)
    assert.match(Either.match(made, { onLeft: (error) => error.message, onRight: () => "accepted" }), message)
  })

  it("without witnesses is the same transaction", () => {
    const unsigned = given(`02000100${prefix.slice(8)}`)
    assert.strictEqual(Either.getOrThrow(unsigned).hint, Either.getOrThrow(given(raw)).hint)
  })
})
