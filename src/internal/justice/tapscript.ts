/**
 * Taproot outputs that only their scripts can spend, as simple taproot channels have them (BIP-341; lnd `input/script_utils.go`,
 * `NewLocalCommitScriptTree` and `NewRemoteCommitScriptTree`).
 *
 * @since 0.1.0
 */
import { schnorr } from "@noble/curves/secp256k1.js"
import * as Either from "effect/Either"
import { compare, concat, fromHex } from "../bytes.js"
import { varBytes } from "../fieldCodec.js"
import type { JusticeCurve } from "./justiceCurve.js"
import { op, push, pushNumber, script } from "./script.js"

/** The internal key of every output: its secret is not known to anyone (lnd `input/script_utils.go`, `TaprootNUMSHex`). @since 0.1.0 @category models */
export const internalKey = fromHex("02dca094751109d0bd055d03565874e8276dd53e926b44e3bd1bb6bf4bc130a279")

const leafVersion = 0xc0

/** A key by its x coordinate alone. @since 0.1.0 @category combinators */
export const xOnly = (key: Uint8Array): Uint8Array => key.subarray(1)

/** A hash of its own for each use (BIP-340). @since 0.1.0 @category combinators */
export const { taggedHash } = schnorr.utils

/** The hash of a script as a leaf. @since 0.1.0 @category combinators */
export const leafHash = (leaf: Uint8Array): Uint8Array =>
  taggedHash("TapLeaf", Uint8Array.of(leafVersion), varBytes.write(leaf))

/**
 * The key, after a delay in blocks. The final scripts check the signature and the delay, those before them drop the delay.
 *
 * @since 0.1.0
 * @category constructors
 */
export const delayLeaf = (key: Uint8Array, csvDelay: number, final: boolean): Uint8Array =>
  final
    ? script(push(key), op.checkSigVerify, pushNumber(csvDelay), op.checkSequenceVerify)
    : script(push(key), op.checkSig, pushNumber(csvDelay), op.checkSequenceVerify, op.drop)

/** The revocation key, at once. The delay key shows itself, so that others can spend the anchors. @since 0.1.0 @category constructors */
export const revokeLeaf = (delayKey: Uint8Array, revocationKey: Uint8Array): Uint8Array =>
  script(push(delayKey), op.drop, push(revocationKey), op.checkSig)

/**
 * The output of a tree of one leaf or, with the hash of a sibling, of two, and the control block that spends it by the leaf.
 *
 * @since 0.1.0
 * @category constructors
 */
export const output = (
  curve: JusticeCurve,
  leaf: Uint8Array,
  ...sibling: ReadonlyArray<Uint8Array>
): { readonly pkScript: Uint8Array; readonly controlBlock: Uint8Array } => {
  const branch = [leafHash(leaf), ...sibling].toSorted(compare)
  const root = sibling.length === 0 ? branch : [taggedHash("TapBranch", ...branch)]
  const tweak = taggedHash("TapTweak", xOnly(internalKey), ...root)
  // It would take the secret of the internal key to find a tweak that gives no key.
  const key = Either.getOrThrow(curve.tweakPoint(internalKey, tweak))
  const parity = (key[0] ?? 0) & 1
  return {
    pkScript: script(op.one, push(xOnly(key))),
    controlBlock: concat(Uint8Array.of(leafVersion | parity), xOnly(internalKey), ...sibling)
  }
}
