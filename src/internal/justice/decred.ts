/**
 * Decred (docs/protocol.md, Justice transactions): P2SH and P2PKH in place of segwit; the signature script is no part of the id
 * because it stands in another half of the transaction, the witness (dcrd `wire/msgtx.go`, `txscript/sighash.go`).
 *
 * @since 0.1.0
 */
import { blake256 } from "@noble/hashes/blake1.js"
import { ripemd160 } from "@noble/hashes/legacy.js"
import * as Either from "effect/Either"
import { concat, equals } from "../bytes.js"
import * as codec from "../fieldCodec.js"
import type { JusticeChain } from "./chain.js"
import * as Script from "./script.js"
import { sighashAll } from "./signature.js"
import type { Input, Justice } from "./transaction.js"
import { version } from "./transaction.js"
import * as Version0 from "./version0.js"

const hash160 = (bytes: Uint8Array): Uint8Array => ripemd160(blake256(bytes))

/** The upper half of the version says which parts follow. */
const serialization = { full: 0, prefix: 1, witnessSigning: 3 } as const

/** A version's number, and which parts follow it. @since 0.1.0 @category combinators */
export const versionOf = (number: number, parts: keyof typeof serialization): Uint8Array =>
  codec.u32le.write(number | (serialization[parts] << 16))

/** The half that the id is made of. @since 0.1.0 @category models */
export const prefix = codec.struct({
  inputs: codec.list(
    codec.struct({ txid: codec.bytes(32), index: codec.u32le, tree: codec.u8, sequence: codec.u32le })
  ),
  outputs: codec.list(codec.struct({ value: codec.u64le, scriptVersion: codec.u16le, script: codec.varBytes })),
  lockTime: codec.u32le,
  expiry: codec.u32le
})
/** The other half: an entry for each input. @since 0.1.0 @category models */
export const witness = codec.list(
  codec.struct({
    value: codec.u64le,
    blockHeight: codec.u32le,
    blockIndex: codec.u32le,
    signatureScript: codec.varBytes
  })
)

const readTransaction: JusticeChain["readTransaction"] = (raw) =>
  Either.gen(function* () {
    const [first, start] = yield* codec.u32le.read(raw, 0)
    const parts = first >>> 16
    if (parts !== serialization.full && parts !== serialization.prefix) {
      return yield* Either.left("UnknownSerialization" as const)
    }
    const [{ inputs, outputs }, prefixEnd] = yield* prefix.read(raw, start)
    let end = prefixEnd
    if (parts === serialization.full) {
      const [witnesses, witnessEnd] = yield* witness.read(raw, prefixEnd)
      if (witnesses.length !== inputs.length) return yield* Either.left("WitnessCount" as const)
      end = witnessEnd
    }
    if (end < raw.length) return yield* Either.left("TrailingBytes" as const)
    // Channels have scripts of version 0 only; the same bytes in another version are another script.
    if (outputs.some(({ scriptVersion }) => scriptVersion !== 0)) return yield* Either.left("ScriptVersion" as const)
    return { txid: blake256(concat(versionOf(first & 0xffff, "prefix"), raw.subarray(start, prefixEnd))), outputs }
  })

const prefixOf = ({ inputs, outputs }: Justice): Uint8Array =>
  prefix.write({
    inputs: inputs.map(({ index, spend, txid }) => ({ txid, index, tree: 0, sequence: spend.sequence })),
    outputs: outputs.map((output) => ({ ...output, scriptVersion: 0 })),
    lockTime: 0,
    expiry: 0
  })

/** The hash of the half that has inputs and outputs, which is the id. @since 0.1.0 @category combinators */
export const prefixHash = (justice: Justice): Uint8Array =>
  blake256(concat(versionOf(version, "prefix"), prefixOf(justice)))

/** The hash of the half that has the scripts: that of the signed input, and nothing for the others. @since 0.1.0 @category combinators */
export const witnessHash = ({ inputs }: Justice, signed: Input): Uint8Array =>
  blake256(
    concat(
      versionOf(version, "witnessSigning"),
      codec
        .list(codec.varBytes)
        .write(inputs.map((input) => (input === signed ? input.spend.script : new Uint8Array(0))))
    )
  )

/** What a transaction says of an input in its second half. */
interface Witness {
  readonly value: bigint
  readonly signatureScript: Uint8Array
}

const serialize = <In extends Input>(justice: Justice<In>, witnessOf: (input: In) => Witness): Uint8Array =>
  concat(
    versionOf(version, "full"),
    prefixOf(justice),
    witness.write(justice.inputs.map((input) => ({ ...witnessOf(input), blockHeight: 0, blockIndex: 0 })))
  )

/** dcrlnd's client calculates with the size of P2PKH for every output, also for P2SH. */
const outputSize = 36

/** The size as the daemons estimate it (dcrlnd `input/size.go`, `TxSizeEstimator`). */
const estimate: JusticeChain["estimate"] = (spends, outputScripts) =>
  12 +
  2 * codec.compactSize.write(spends.length).length +
  spends.reduce((sum, spend) => sum + 57 + codec.compactSize.write(spend.estimate).length + spend.estimate, 0) +
  codec.compactSize.write(outputScripts.length).length +
  outputSize * outputScripts.length

const isPublicKeyHash = (script: Uint8Array): boolean =>
  script.length === 25 && equals(script, Script.payToPublicKeyHash(script.subarray(3, 23)))

/** Decred. The estimates are those of dcrlnd (`watchtower/wtclient/backup_task.go`). @since 0.1.0 @category models */
export const decred: JusticeChain = {
  hash: blake256,
  forms: Version0.forms({
    payToScript: (script) => Script.payToScriptHash(hash160(script)),
    payToKeyHash: (key) => Script.payToPublicKeyHash(hash160(key)),
    estimates: { legacy: { toLocal: 157, toRemote: 108 }, anchor: { toLocal: 157, toRemote: 112 } }
  }),
  readTransaction,
  estimate,
  // The tower takes P2SH too, and then calculates with a smaller output than the client: another fee.
  sweepsTo: isPublicKeyHash,
  rewardsTo: () => true,
  dustLimit: () => 6030n,
  digestOf: (justice) => {
    const shared = concat(codec.u32le.write(sighashAll), prefixHash(justice))
    return (input) => blake256(concat(shared, witnessHash(justice, input)))
  },
  unsigned: (justice) => serialize(justice, () => ({ value: 0n, signatureScript: new Uint8Array(0) })),
  signed: (justice) =>
    serialize(justice, ({ signature, spend, value }) => ({
      value,
      signatureScript: concat(...spend.stack(signature).map(Script.push))
    }))
}
