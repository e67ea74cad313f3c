/**
 * Checks `backup-vectors.json` and `backup-vectors-decred.json` (docs/protocol.md, Backups): from the secrets of a channel to the blob,
 * and from the blob to the signed justice transaction. Pure.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { Effect, Either, Redacted, Schema } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import type { Agreement } from "../../src/internal/justice/agreement.js"
import * as Justice from "../../src/internal/justice/backup.js"
import * as Blob from "../../src/internal/justice/blob.js"
import { prefixHash, witnessHash } from "../../src/internal/justice/decred.js"
import * as Derivation from "../../src/internal/justice/derivation.js"
import type { JusticeCurve } from "../../src/internal/justice/justiceCurve.js"
import { nobleJusticeCurve } from "../../src/internal/justice/nobleJusticeCurve.js"
import { punish } from "../../src/internal/justice/punish.js"
import * as Tapscript from "../../src/internal/justice/tapscript.js"
import type { Input, Role } from "../../src/internal/justice/transaction.js"
import { agreementOf } from "../../src/layers/backup/agreement.js"
import { makeBackup } from "../../src/layers/backup/makeBackup.js"
import * as JusticeKeys from "../../src/layers/JusticeKeys.js"
import { flagReward, has } from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import { Channel, ChannelId, type ChannelType } from "../../src/schema/Channel.js"
import { HexBytes, type Hint } from "../../src/schema/Ids.js"
import * as Policy from "../../src/schema/Policy.js"
import { RevokedState } from "../../src/schema/RevokedState.js"
import * as Codec from "../../src/schema/wire/Codec.js"
import { StateUpdate } from "../../src/schema/wire/StateUpdate.js"
import { Entropy } from "../../src/services/Entropy.js"
import { pureBackup } from "../layers/backup/pureBackup.js"
import { Case, type Entry, File, Refused, Unpunishable } from "./backupVectors.js"
import { remember } from "./curve.js"
import { differs, type Result } from "./result.js"
import { type Same, vector } from "./vector.js"

const none = new Uint8Array(0)

const { Point } = secp256k1

/** The curve of the library, which does once what the comparisons of one entry ask for again and again. */
const curve: JusticeCurve = {
  ...nobleJusticeCurve,
  publicKey: remember((secret = none) => nobleJusticeCurve.publicKey(secret)),
  signEcdsa: remember((secret = none, digest = none) => nobleJusticeCurve.signEcdsa(secret, digest)),
  signSchnorr: remember((secret = none, digest = none) => nobleJusticeCurve.signSchnorr(secret, digest)),
  verifyEcdsa: remember((point = none, digest = none, signature = none) =>
    nobleJusticeCurve.verifyEcdsa(point, digest, signature)
  ),
  verifySchnorr: remember((x = none, digest = none, signature = none) =>
    nobleJusticeCurve.verifySchnorr(x, digest, signature)
  ),
  tweakPoint: remember((point = none, by = none) => nobleJusticeCurve.tweakPoint(point, by))
}

/** lnd's flags of a channel (lnd v0.21.2 `channeldb/channel.go`), the ones that decide first. */
const channelTypes: ReadonlyArray<readonly [flag: number, type: ChannelType]> = [
  [1 << 6, "scriptEnforcedLease"],
  [1 << 12, "taprootFinal"],
  [1 << 10, "taproot"],
  [1 << 3, "anchors"],
  [1 << 1, "staticRemoteKey"]
]

const typeOf = (bits: number): ChannelType => channelTypes.find(([flag]) => (bits & flag) !== 0)?.[1] ?? "legacy"

/** Why the pure code makes nothing of an entry. */
type Refusal = Justice.BadState["reason"] | Justice.Unpunishable["reason"]

/** The words of the Go errors for the reasons here; an error without a name is of the sweep script. */
const reasonOf: Readonly<Record<string, Refusal>> = {
  ErrCreatesDust: "CreatesDust",
  ErrFeeExceedsInputs: "FeeExceedsInputs",
  ErrRewardExceedsInputs: "RewardExceedsInputs"
}

const reversed = (hex: string): string => toHex(fromHex(hex).reverse())

/** All of an entry in the terms of the code under test. */
interface Subject {
  readonly entry: Entry
  readonly chain: Chain.AnyChain
  readonly channel: Channel
  readonly agreement: Agreement
  readonly session: { readonly chain: Chain.Chain; readonly policy: Policy.Policy; readonly rewardPkScript: HexBytes }
  readonly justice: JusticeKeys.JusticeKeys
  readonly state: Justice.State
}

const subjectOf = (chain: Chain.AnyChain, entry: Entry): Subject => {
  const { channel, keys, policy } = entry
  const type = typeOf(channel.channelTypeBits)
  const session = {
    chain,
    policy: Policy.of({ ...policy, sweepFeeRate: chain.feeRate(BigInt(policy.sweepFeeRate)) }),
    rewardPkScript: entry.rewardPkScript
  }
  const agreement = agreementOf(curve, session)
  if (agreement === undefined) throw new Error(`${chain.name} has no channels of blob type ${policy.blobType}`)
  const secret = (hex: string) => Redacted.make(fromHex(hex))
  return {
    entry,
    chain,
    channel: new Channel({ id: ChannelId.make("00".repeat(32)), type, sweepPkScript: entry.sweepPkScript }),
    agreement,
    session,
    justice: Either.getOrThrow(
      JusticeKeys.fromChannel({
        type,
        revocationBasepointSecret: secret(channel.localBasepointSecrets.revocationBasepoint),
        paymentBasepointSecret: secret(channel.localBasepointSecrets.paymentBasepoint),
        remoteDelayedPaymentBasepoint: channel.remoteBasepoints.delayedPaymentBasepoint,
        perCommitmentSecret: secret(channel.perCommitmentSecret)
      })
    ),
    state: {
      commitment: fromHex(entry.breachTx.raw),
      sweepScript: fromHex(entry.sweepPkScript),
      keys: {
        revocation: fromHex(keys.revocationPub),
        delay: fromHex(keys.localDelayPub),
        toRemote: fromHex(keys.toRemotePub),
        csvDelay: keys.csvDelay
      }
    }
  }
}

const publicKey = (secret: string): string => toHex(curve.publicKey(fromHex(secret)))

/** The revocation key of a commitment, of points alone (docs/protocol.md, Keys of a commitment). */
const revocationKey = remember((basepoint = none, point = none) => {
  const { Fn } = Point
  const multiple = (of: Uint8Array, by: Uint8Array) => Point.fromBytes(of).multiply(Fn.create(Fn.fromBytes(by, true)))
  return multiple(basepoint, Derivation.tweak(basepoint, point))
    .add(multiple(point, Derivation.tweak(point, basepoint)))
    .toBytes(true)
})

const compareKeys = (same: Same, { channel: { type }, entry: { channel, keys }, justice }: Subject) => {
  same("channel.perCommitmentPoint", channel.perCommitmentPoint, publicKey(channel.perCommitmentSecret))
  for (const whose of ["local", "remote"] as const) {
    for (const [name, secret] of Object.entries(channel[`${whose}BasepointSecrets`])) {
      const expected: unknown = Reflect.get(channel[`${whose}Basepoints`], name)
      same(`channel.${whose}Basepoints.${name}`, expected, publicKey(secret))
    }
  }
  const point = fromHex(channel.perCommitmentPoint)
  const secrets = {
    revocation: Derivation.revocationSecret(curve, fromHex(channel.localBasepointSecrets.revocationBasepoint), {
      secret: fromHex(channel.perCommitmentSecret),
      point
    }),
    toRemote:
      type === "legacy"
        ? Derivation.tweakedSecret(curve, fromHex(channel.localBasepointSecrets.paymentBasepoint), point)
        : Either.right(fromHex(channel.localBasepointSecrets.paymentBasepoint))
  }
  same("keys.revocationPriv", keys.revocationPriv, toHex(Either.getOrThrow(secrets.revocation)))
  same("keys.toRemotePriv", keys.toRemotePriv, toHex(Either.getOrThrow(secrets.toRemote)))
  same("keys.revocationPub", keys.revocationPub, justice.keys.revocation)
  const fromPoints = revocationKey(fromHex(channel.localBasepoints.revocationBasepoint), point)
  same("keys.revocationPub, of points", keys.revocationPub, toHex(fromPoints))
  same("keys.localDelayPub", keys.localDelayPub, justice.keys.localDelay)
  same("keys.toRemotePub", keys.toRemotePub, justice.keys.toRemote)
  same(
    "keys.toRemoteTweak",
    keys.toRemoteTweak,
    type === "legacy" ? toHex(Derivation.tweak(point, fromHex(channel.localBasepoints.paymentBasepoint))) : null
  )
  same("keys.csvDelay", keys.csvDelay, channel.csvDelay)
}

/** The commitment transaction, its outputs and where the two are that can be swept; lease channels have others. */
const compareBreach = (same: Same, { agreement: { chain, form }, channel, entry, state }: Subject) => {
  const { breachTx } = entry
  const commitment = Either.getOrThrow(chain.readTransaction(state.commitment))
  same("breachTx.txidInternalBytes", breachTx.txidInternalBytes, toHex(commitment.txid))
  same("breachTx.txid", breachTx.txid, reversed(toHex(commitment.txid)))
  const outputs = breachTx.outputs ?? []
  same(
    "breachTx.outputs",
    outputs.map(({ pkScript, value }) => [value, pkScript]),
    commitment.outputs.map(({ script, value }) => [Number(value), toHex(script)])
  )
  same("hint", entry.hint, toHex(Blob.hint(chain, commitment.txid)))
  same("key", entry.key, toHex(Blob.key(chain, commitment.txid)))
  const roles = outputs.map(({ role }) => role)
  const indexIn = (role: Role) => (roles.includes(role) ? roles.indexOf(role) : null)
  const indexes = { toLocal: breachTx.toLocalIndex, toRemote: breachTx.toRemoteIndex }
  for (const role of ["toLocal", "toRemote"] as const) {
    same(`breachTx.${role}Index`, indexes[role], indexIn(role))
    same(`present, ${role}`, entry.present.includes(role), indexes[role] !== null)
    if (channel.type === "scriptEnforcedLease") continue
    const script = toHex(form.spends(state.keys)[role].pkScript)
    const index = commitment.outputs.findIndex((output) => toHex(output.script) === script)
    same(`breachTx.${role}Index, by its script`, indexes[role], index === -1 ? null : index)
  }
}

/** The whole way with our own signatures, as an application goes it. */
const backup = ({ channel, entry, justice, session }: Subject) =>
  Effect.runSync(
    Effect.either(
      makeBackup(
        curve,
        session,
        channel,
        new RevokedState({
          channelId: channel.id,
          commitHeight: entry.channel.commitHeight,
          commitmentTransaction: entry.breachTx.raw,
          csvDelay: entry.channel.csvDelay,
          keys: justice.keys
        }),
        justice.sign
      )
    ).pipe(Effect.provideService(Entropy, { bytes: () => Effect.succeed(fromHex(entry.nonce)) }))
  )

/** The word for an error: its reason, or its tag where it has none. */
const reason = (error: { readonly reason: string | { readonly _tag: string } } | { readonly _tag: string }): string => {
  if (!("reason" in error)) return error._tag
  return typeof error.reason === "string" ? error.reason : error.reason._tag
}

/** Why the state is refused. */
const refusal = (subject: Subject): string =>
  Either.match(backup(subject), { onLeft: reason, onRight: () => "accepted" })

const isRewarded = ({ session }: Subject): boolean => has(session.policy.blobType, flagReward)

/** The pure code refuses the state for this reason; and so does `makeBackup`, which refuses sessions with a reward before. */
const compareRefusal = (same: Same, subject: Subject, expected: Refusal) => {
  same("refused", isRewarded(subject) ? "RewardType" : expected, refusal(subject))
  same(
    "refused, by the pure code",
    expected,
    Either.match(sealed(subject), { onLeft: reason, onRight: () => "accepted" })
  )
}

/** The same way by the pure code, which knows rewards. */
const sealed = ({ agreement, entry: { keys, nonce }, state }: Subject) =>
  pureBackup(
    curve,
    agreement,
    state,
    { toLocal: fromHex(keys.revocationPriv), toRemote: fromHex(keys.toRemotePriv) },
    fromHex(nonce)
  )

/** The message 604 of a blob, as the Go client sends it first. */
const stateUpdateOf = (hint: Hint, encryptedBlob: string): string =>
  toHex(
    Codec.encode(
      new StateUpdate({
        seqNum: 1,
        lastApplied: 0,
        isComplete: 1,
        hint,
        encryptedBlob: HexBytes.make(encryptedBlob)
      })
    )
  )

/** The blob is the sealed kit, and the message carries it. */
const compareBlob = (same: Same, { agreement: { chain } }: Subject, entry: Case | Unpunishable) => {
  const txid = fromHex(entry.breachTx.txidInternalBytes)
  const sealed = Blob.seal(chain, txid, fromHex(entry.nonce), fromHex(entry.plaintext))
  same("encryptedBlob", entry.encryptedBlob, toHex(sealed))
  same(
    "encryptedBlob, opened",
    entry.plaintext,
    Either.match(Blob.open(chain, txid, sealed), { onLeft: String, onRight: toHex })
  )
  same("stateUpdate", entry.stateUpdate, stateUpdateOf(entry.hint, entry.encryptedBlob))
}

/** All of an input; `signature` is the Go client's. */
const compareInput = (
  same: Same,
  { agreement: { chain }, chain: { name }, entry: { keys } }: Subject,
  { justice }: Justice.Draft,
  expected: Case["justice"]["inputs"][number],
  input: Input
) => {
  const what = (field: string) => `justice.inputs, ${input.spend.role}, ${field}`
  const { role, scheme, script, sequence } = input.spend
  const digest = chain.digestOf(justice)(input)
  same(what("role"), expected.role, role)
  same(what("prevTxid"), expected.prevTxid, reversed(toHex(input.txid)))
  same(what("prevIndex"), expected.prevIndex, input.index)
  same(what("value"), expected.value, Number(input.value))
  same(what("pkScript"), expected.pkScript, toHex(input.spend.pkScript))
  same(what("sequence"), expected.sequence, sequence)
  same(what("script"), expected.script, toHex(script))
  same(what("sighashType"), expected.sighashType, scheme === "ecdsa" ? 1 : 0)
  same(what("sighash"), expected.sighash, toHex(digest))
  const secret = fromHex(role === "toLocal" ? keys.revocationPriv : keys.toRemotePriv)
  const signature = fromHex(expected.signature)
  const stack = input.spend.stack(signature)
  if (scheme === "ecdsa") {
    same(what("signature"), expected.signature, toHex(curve.signEcdsa(secret, digest)))
  } else {
    // lnd's nonce is another one, so its signature is verified and ours compared with what was made with our nonce.
    same(what("signature, verified"), true, curve.verifySchnorr(input.spend.key, digest, signature))
    same(what("signatureZeroAux"), expected.signatureZeroAux, toHex(curve.signSchnorr(secret, digest)))
    same(what("leafHash"), expected.leafHash, toHex(Tapscript.leafHash(script)))
    same(what("controlBlock"), expected.controlBlock, toHex(stack[2] ?? new Uint8Array(0)))
  }
  if (name === "bitcoin") {
    same(what("witness"), expected.witness, stack.map(toHex))
    // A count of items, and the size of each in a byte.
    same(what("witnessSize"), expected.witnessSize, 1 + stack.reduce((sum, { length }) => sum + 1 + length, 0))
    same(what("estimatedWitnessSize"), expected.estimatedWitnessSize, input.spend.estimate)
  } else {
    same(what("sighashPrefixHash"), expected.sighashPrefixHash, toHex(prefixHash(justice)))
    same(what("sighashWitnessHash"), expected.sighashWitnessHash, toHex(witnessHash(justice, input)))
    const bytes = chain.signed({ ...justice, inputs: [{ ...input, signature }] })
    same(
      what("sigScript"),
      expected.sigScript,
      toHex(bytes.subarray(bytes.length - (expected.sigScript ?? "").length / 2))
    )
    same(what("estimatedSigScriptSize"), expected.estimatedSigScriptSize, input.spend.estimate)
  }
}

/** The justice transaction, and what the tower makes of the Go client's blob. */
const compareJustice = (same: Same, subject: Subject, entry: Case) => {
  const { agreement, chain, state } = subject
  const { justice: expected } = entry
  const draft = Justice.draft(agreement, state)
  if (Either.isLeft(draft)) return same("the state", "accepted", draft.left.reason)
  const { amounts, commitment, justice } = draft.right
  same("present", entry.present, draft.right.toRemote ? ["toLocal", "toRemote"] : ["toLocal"])
  same("justice.unsigned", expected.unsigned, toHex(agreement.chain.unsigned(justice)))
  const { txid } = Either.getOrThrow(agreement.chain.readTransaction(agreement.chain.unsigned(justice)))
  same("justice.txid", expected.txid, reversed(toHex(txid)))
  if (chain.name === "decred") {
    // The prefix stands behind the version, which says so, and before a count of witnesses of 16 bytes and an empty script each.
    const unsigned = toHex(agreement.chain.unsigned(justice))
    const witnesses = 2 * (1 + 17 * justice.inputs.length)
    same("justice.unsignedPrefix", expected.unsignedPrefix, `02000100${unsigned.slice(8, unsigned.length - witnesses)}`)
  }
  same("justice.inputs, how many", expected.inputs.length, justice.inputs.length)
  for (const [index, input] of justice.inputs.entries()) {
    const theirs = expected.inputs[index]
    if (theirs) compareInput(same, subject, draft.right, theirs, input)
  }
  const outputs = justice.outputs.map(({ script, value }) => ({
    role: toHex(script) === entry.sweepPkScript && value === amounts.sweep ? "sweep" : "reward",
    value: Number(value),
    pkScript: toHex(script)
  }))
  same("justice.outputs", expected.outputs, outputs)
  same("justice.totalInput", expected.totalInput, Number(amounts.total))
  same("justice.estimate", expected.estimatedWeight ?? expected.estimatedSize, amounts.size)
  same("justice.fee", expected.fee, Number(amounts.fee))
  same("justice.reward", expected.reward, Number(amounts.reward))
  same("justice.sweepAmount", expected.sweepAmount, Number(amounts.sweep))
  const signatureOf = (role: Role) => fromHex(expected.inputs.find((input) => input.role === role)?.signature ?? "")
  const kit = agreement.form.writeKit(state.keys, state.sweepScript, {
    toLocal: signatureOf("toLocal"),
    toRemote: draft.right.toRemote && signatureOf("toRemote")
  })
  same("plaintext", entry.plaintext, toHex(kit))
  const signedOf = (blob: string): string =>
    Either.match(punish(curve, agreement, commitment, fromHex(blob)), {
      onLeft: reason,
      onRight: ({ justice }) => toHex(agreement.chain.signed(justice))
    })
  same("justice.signed", expected.signed, signedOf(entry.encryptedBlob))
  const signedBytes = expected.signed.length / 2
  // All but the witnesses, their marker and its flag counts four times.
  const weight = 3 * (expected.unsigned.length / 2) + signedBytes
  same(
    "justice.actual size",
    expected.actualWeight ?? expected.actualSize,
    chain.name === "bitcoin" ? weight : signedBytes
  )
  const ours = sealed(subject)
  if (Either.isLeft(ours)) return same("the state", "accepted", ours.left.reason)
  const hint = toHex(Blob.hint(agreement.chain, ours.right.drafted.commitment.txid))
  const made = Either.match(backup(subject), {
    onLeft: reason,
    onRight: ({ hint, encryptedBlob }) => [hint, encryptedBlob]
  })
  same("backup", isRewarded(subject) ? "RewardType" : [hint, toHex(ours.right.blob)], made)
  // Schnorr signatures are not lnd's.
  const { encryptedBlob, signed } = entry.zeroAux ?? { ...entry, signed: expected.signed }
  same("backup.hint", entry.hint, hint)
  same("backup.encryptedBlob", encryptedBlob, toHex(ours.right.blob))
  same("backup.signed", signed, toHex(agreement.chain.signed(ours.right.punished.justice)))
  if (entry.zeroAux) {
    const opened = Blob.open(agreement.chain, commitment.txid, ours.right.blob)
    same("zeroAux.plaintext", entry.zeroAux.plaintext, Either.match(opened, { onLeft: String, onRight: toHex }))
  }
}

const compareNegotiable = (same: Same, { chain, entry }: Subject) =>
  same("negotiable", entry.negotiable, Chain.supports(chain, entry.policy.blobType))

const compareCase = (same: Same, subject: Subject, entry: Case) => {
  compareBlob(same, subject, entry)
  if (subject.channel.type === "scriptEnforcedLease") same("refused", "ScriptEnforcedLease", refusal(subject))
  else compareJustice(same, subject, entry)
}

const compareRefused = (same: Same, subject: Subject, entry: Refused) => {
  const { agreement, state } = subject
  const expected = entry.breachTx.toLocalIndex === null ? "NoToLocal" : (reasonOf[entry.error.name] ?? "SweepScript")
  compareRefusal(same, subject, expected)
  const draft = Justice.draft(agreement, state)
  if (Either.isRight(draft) || !("fee" in draft.left)) return
  same("totalInput", entry.totalInput, Number(draft.left.total))
  same("estimate", entry.estimatedWeight ?? entry.estimatedSize, draft.left.size)
  same("fee", entry.fee, Number(draft.left.fee))
}

/** The Go clients back it up without effect; we fail with the reason. */
const compareUnpunishable = (same: Same, subject: Subject, entry: Unpunishable) => {
  compareBlob(same, subject, entry)
  if (subject.channel.type === "scriptEnforcedLease") return same("refused", "ScriptEnforcedLease", refusal(subject))
  const expected = (): Refusal => {
    if (entry.breachTx.toLocalIndex === null) return "NoToLocal"
    return subject.agreement.chain.sweepsTo(fromHex(entry.sweepPkScript)) ? "RewardScript" : "SweepScript"
  }
  compareRefusal(same, subject, expected())
}

/** What the line of the file says of vectors that are refused because of what they are. */
const leaseRemark = "lease channels, refused by name"

const nameOf = (entry: unknown, index: number): string =>
  Either.match(Schema.decodeUnknownEither(Schema.Struct({ name: Schema.String }))(entry), {
    onLeft: () => `entry ${index}`,
    onRight: ({ name }) => name
  })

const each = <A extends Entry, I>(
  entries: ReadonlyArray<unknown>,
  schema: Schema.Schema<A, I>,
  chain: Chain.AnyChain,
  compare: (same: Same, subject: Subject, entry: A) => void
): Array<Result> =>
  entries.map((json, index) =>
    Either.match(Schema.decodeUnknownEither(schema)(json), {
      onLeft: (error) => differs(nameOf(json, index), error.message),
      onRight: (entry) => {
        const result = vector(entry.name, (same) => {
          const subject = subjectOf(chain, entry)
          compareNegotiable(same, subject)
          compareKeys(same, subject)
          compareBreach(same, subject)
          compare(same, subject, entry)
        })
        const isLease = typeOf(entry.channel.channelTypeBits) === "scriptEnforcedLease"
        return result.ok && isLease ? { ...result, remark: leaseRemark } : result
      }
    })
  )

/** Compares every expected value that follows from an entry's input; what cannot be read is a difference of its entry. */
export const check = (json: unknown): Array<Result> => {
  const file = Schema.decodeUnknownEither(File)(json)
  if (Either.isLeft(file)) return [differs("file", file.left.message)]
  const { cases, chainHash, constants, ineligible, unpunishable } = file.right
  const chain = Chain.all.find((one) => one.name === file.right.chain && one.chainHash === chainHash)
  if (chain === undefined) return [differs("chainHash", `no network of ${file.right.chain} has ${chainHash}`)]
  return [
    vector("constants", (same) => {
      if (constants) same("tapNumsKey", constants.tapNumsKey, toHex(Tapscript.internalKey))
    }),
    ...each(cases, Case, chain, compareCase),
    ...each(ineligible, Refused, chain, compareRefused),
    ...each(unpunishable, Unpunishable, chain, compareUnpunishable)
  ]
}
