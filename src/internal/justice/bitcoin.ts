/**
 * Bitcoin (docs/protocol.md, Justice transactions): segwit outputs (BIP-141, BIP-143) and, in taproot channels, tapscripts (BIP-341,
 * BIP-342).
 *
 * @since 0.1.0
 */
import { ripemd160 } from "@noble/hashes/legacy.js"
import * as Either from "effect/Either"
import { concat } from "../bytes.js"
import { sha256 } from "../fastestPrimitives.js"
import * as codec from "../fieldCodec.js"
import type { JusticeChain } from "./chain.js"
import * as Form from "./form.js"
import type { JusticeCurve } from "./justiceCurve.js"
import * as Kit from "./kit.js"
import * as Script from "./script.js"
import { sighashAll } from "./signature.js"
import * as Tapscript from "./tapscript.js"
import type { Input, Justice, ScriptSpend, Spend } from "./transaction.js"
import { version } from "./transaction.js"
import * as Version0 from "./version0.js"

const hash256 = (bytes: Uint8Array): Uint8Array => sha256(sha256(bytes))
const hash160 = (bytes: Uint8Array): Uint8Array => ripemd160(sha256(bytes))

const outpoint = codec.struct({ txid: codec.bytes(32), index: codec.u32le })
const output = codec.struct({ value: codec.u64le, script: codec.varBytes })
/** Inputs and outputs, which stand between version and lock time. @since 0.1.0 @category models */
export const body = codec.struct({
  inputs: codec.list(codec.struct({ outpoint, signatureScript: codec.varBytes, sequence: codec.u32le })),
  outputs: codec.list(output)
})
const witness = codec.list(codec.varBytes)

/** A marker, which would be a transaction without inputs, and a flag: witnesses stand between outputs and lock time (BIP-144). */
const segwit = Uint8Array.of(0, 1)
const lockTime = codec.u32le.write(0)

const readTransaction: JusticeChain["readTransaction"] = (raw) =>
  Either.gen(function* () {
    const hasWitnesses = raw[4] === segwit[0] && raw[5] === segwit[1]
    const start = hasWitnesses ? 6 : 4
    const [{ inputs, outputs }, bodyEnd] = yield* body.read(raw, start)
    let end = bodyEnd
    if (hasWitnesses) for (const _ of inputs) [, end] = yield* witness.read(raw, end)
    const [, lockTimeEnd] = yield* codec.u32le.read(raw, end)
    if (lockTimeEnd < raw.length) return yield* Either.left("TrailingBytes" as const)
    return { txid: hash256(concat(raw.subarray(0, 4), raw.subarray(start, bodyEnd), raw.subarray(end))), outputs }
  })

const bodyOf = ({ inputs, outputs }: Justice): Uint8Array =>
  body.write({
    inputs: inputs.map(({ index, spend, txid }) => ({
      outpoint: { txid, index },
      signatureScript: new Uint8Array(0),
      sequence: spend.sequence
    })),
    outputs
  })

const unsigned = (justice: Justice): Uint8Array => concat(codec.u32le.write(version), bodyOf(justice), lockTime)

const isVersion0 = (script: Uint8Array, length: 20 | 32): boolean =>
  script.length === length + 2 && script[0] === 0 && script[1] === length

const isPublicKeyHash = (script: Uint8Array): boolean => isVersion0(script, 20)

const isTaproot = (script: Uint8Array): boolean =>
  script.length === 34 && script[0] === Script.op.one && script[1] === 32

/** The digests of segwit outputs of version 0 (BIP-143), with SIGHASH_ALL. */
const digestV0Of = ({ inputs, outputs }: Justice): ((input: Input) => Uint8Array) => {
  const before = concat(
    codec.u32le.write(version),
    hash256(concat(...inputs.map(outpoint.write))),
    hash256(concat(...inputs.map(({ spend }) => codec.u32le.write(spend.sequence))))
  )
  const after = concat(hash256(concat(...outputs.map(output.write))), lockTime, codec.u32le.write(sighashAll))
  return ({ index, spend, txid, value }) =>
    hash256(
      concat(
        before,
        outpoint.write({ txid, index }),
        // The script code of P2WPKH is that of P2PKH.
        codec.varBytes.write(
          isPublicKeyHash(spend.script) ? Script.payToPublicKeyHash(spend.script.subarray(2)) : spend.script
        ),
        codec.u64le.write(value),
        codec.u32le.write(spend.sequence),
        after
      )
    )
}

/** The digests of leaves (BIP-341, BIP-342), with SIGHASH_DEFAULT. */
const digestV1Of = ({ inputs, outputs }: Justice): ((input: Input) => Uint8Array) => {
  const shared = concat(
    // The epoch, SIGHASH_DEFAULT.
    Uint8Array.of(0, 0),
    codec.u32le.write(version),
    lockTime,
    sha256(concat(...inputs.map(outpoint.write))),
    sha256(concat(...inputs.map(({ value }) => codec.u64le.write(value)))),
    sha256(concat(...inputs.map(({ spend }) => codec.varBytes.write(spend.pkScript)))),
    sha256(concat(...inputs.map(({ spend }) => codec.u32le.write(spend.sequence)))),
    sha256(concat(...outputs.map(output.write))),
    // By a script, without annex.
    Uint8Array.of(2)
  )
  return (input) =>
    Tapscript.taggedHash(
      "TapSighash",
      shared,
      codec.u32le.write(inputs.indexOf(input)),
      Tapscript.leafHash(input.spend.script),
      // The version of its keys; no OP_CODESEPARATOR.
      Uint8Array.of(0),
      codec.u32le.write(0xffff_ffff)
    )
}

/** All inputs are of one form. */
const digestOf: JusticeChain["digestOf"] = (justice) =>
  justice.inputs[0]?.spend.scheme === "schnorr" ? digestV1Of(justice) : digestV0Of(justice)

/** An output's amount and script, in weight units without the factor of four. */
const outputSize = (script: Uint8Array): number => 8 + codec.varBytes.write(script).length

/** The weight as the daemons estimate it (lnd `input/size.go`, `TxWeightEstimator`). */
const estimate: JusticeChain["estimate"] = (spends, outputScripts) => {
  const base =
    8 +
    codec.compactSize.write(spends.length).length +
    41 * spends.length +
    codec.compactSize.write(outputScripts.length).length +
    outputScripts.reduce((sum, script) => sum + outputSize(script), 0)
  return 4 * base + segwit.length + spends.reduce((sum, spend) => sum + spend.estimate, 0)
}

const taproot = (curve: JusticeCurve, final: boolean): Form.Form => {
  const leaf = (spend: ScriptSpend, ...sibling: ReadonlyArray<Uint8Array>): Spend => {
    const { controlBlock, pkScript } = Tapscript.output(curve, spend.script, ...sibling)
    return { ...spend, pkScript, scheme: "schnorr", stack: (signature) => [signature, spend.script, controlBlock] }
  }
  return Form.make(
    Kit.v1,
    ({ csvDelay, delay, revocation }) => ({
      revocation: Tapscript.xOnly(revocation),
      delay: Tapscript.xOnly(delay),
      delayLeaf: Tapscript.leafHash(Tapscript.delayLeaf(Tapscript.xOnly(delay), csvDelay, final))
    }),
    ({ delay, delayLeaf, revocation }) =>
      leaf(
        {
          role: "toLocal",
          script: Tapscript.revokeLeaf(delay, revocation),
          key: revocation,
          sequence: 0,
          estimate: 202
        },
        delayLeaf
      ),
    (key) =>
      leaf({
        role: "toRemote",
        script: Tapscript.delayLeaf(Tapscript.xOnly(key), 1, final),
        key: Tapscript.xOnly(key),
        sequence: 1,
        estimate: final ? 138 : 139
      })
  )
}

/**
 * Bitcoin. The estimates are those of lnd (`watchtower/blob/commitments.go`): that of to_local in legacy channels is one short of the
 * true size, which lnd keeps so that old signatures stay valid.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bitcoin = (curve: JusticeCurve): JusticeChain => ({
  hash: sha256,
  forms: {
    ...Version0.forms({
      payToScript: (script) => Script.script(0, Script.push(sha256(script))),
      payToKeyHash: (key) => Script.script(0, Script.push(hash160(key))),
      estimates: { legacy: { toLocal: 156, toRemote: 109 }, anchor: { toLocal: 157, toRemote: 113 } }
    }),
    taproot: taproot(curve, false),
    taprootFinal: taproot(curve, true)
  },
  readTransaction,
  estimate,
  sweepsTo: (script) => isPublicKeyHash(script) || isVersion0(script, 32) || isTaproot(script),
  // For every script the tower calculates with the size of P2WPKH: for another one its fee would differ from the client's.
  rewardsTo: isPublicKeyHash,
  dustLimit: (script) => (isPublicKeyHash(script) ? 294n : 330n),
  digestOf,
  unsigned,
  signed: (justice) => {
    const witnesses = justice.inputs.map(({ signature, spend }) => witness.write(spend.stack(signature)))
    return concat(codec.u32le.write(version), segwit, bodyOf(justice), ...witnesses, lockTime)
  }
})
