/**
 * A tower that shares nothing with the code under test: scripts are written as hex, Bitcoin's transactions and digests are those of
 * btc-signer, Decred's are put together here, and sizes are numbers that were added up by hand.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js"
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js"
import { blake256 } from "@noble/hashes/blake1.js"
import { ripemd160 } from "@noble/hashes/legacy.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { p2tr, Script, Transaction } from "@scure/btc-signer"
import { tapLeafHash } from "@scure/btc-signer/payment.js"

export type Kind = "legacy" | "anchor" | "taproot" | "taprootFinal"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"))
const join = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat(parts))
const little = (size: number, value: number | bigint): Uint8Array => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(BigInt(value))
  return Uint8Array.from(buffer.subarray(0, size))
}

/** A number in a script, by btc-signer. */
const csv = (blocks: number): string => hex(Script.encode([blocks]))

const nums = bytes("dca094751109d0bd055d03565874e8276dd53e926b44e3bd1bb6bf4bc130a279")

export const toLocalScript = (revocation: string, delay: string, blocks: number): string =>
  `6321${revocation}67${csv(blocks)}b27521${delay}68ac`
const toRemoteScript = (key: string): string => `21${key}ad51b2`
const delayLeaf = (kind: Kind, x: string, blocks: number): string =>
  kind === "taproot" ? `20${x}ac${csv(blocks)}b275` : `20${x}ad${csv(blocks)}b2`
const revokeLeaf = (delay: string, revocation: string): string => `20${delay}7520${revocation}ac`

const decredHash160 = (of: Uint8Array): string => hex(ripemd160(blake256(of)))
const bitcoinHash160 = (of: Uint8Array): string => hex(ripemd160(sha256(of)))

/** Both output scripts of a commitment, from the keys (33 bytes in hex). */
export const outputScripts = (
  chain: "bitcoin" | "decred",
  kind: Kind,
  keys: { readonly revocation: string; readonly delay: string; readonly toRemote: string; readonly csvDelay: number }
): { readonly toLocal: string; readonly toRemote: string } => {
  const local = bytes(toLocalScript(keys.revocation, keys.delay, keys.csvDelay))
  const remote = bytes(toRemoteScript(keys.toRemote))
  if (chain === "decred") {
    return {
      toLocal: `a914${decredHash160(local)}87`,
      toRemote:
        kind === "legacy" ? `76a914${decredHash160(bytes(keys.toRemote))}88ac` : `a914${decredHash160(remote)}87`
    }
  }
  if (kind === "taproot" || kind === "taprootFinal") {
    const [revocation, delay, toRemote] = [keys.revocation, keys.delay, keys.toRemote].map((key) => key.slice(2))
    const local = [
      { script: bytes(delayLeaf(kind, delay ?? "", keys.csvDelay)) },
      { script: bytes(revokeLeaf(delay ?? "", revocation ?? "")) }
    ]
    const remote = [{ script: bytes(delayLeaf(kind, toRemote ?? "", 1)) }]
    return {
      toLocal: hex(p2tr(nums, local, undefined, true).script),
      toRemote: hex(p2tr(nums, remote, undefined, true).script)
    }
  }
  return {
    toLocal: `0020${hex(sha256(local))}`,
    toRemote: kind === "legacy" ? `0014${bitcoinHash160(bytes(keys.toRemote))}` : `0020${hex(sha256(remote))}`
  }
}

/** A transaction of one input and these outputs. */
export const commitment = (
  chain: "bitcoin" | "decred",
  outputs: ReadonlyArray<{ readonly value: bigint; readonly script: string }>
): string => {
  const input = join(new Uint8Array(32).fill(7), little(4, 1))
  const isBitcoin = chain === "bitcoin"
  const written = outputs.map(({ script, value }) =>
    join(little(8, value), isBitcoin ? bytes("") : little(2, 0), little(1, script.length / 2), bytes(script))
  )
  return hex(
    isBitcoin
      ? join(bytes("0200000001"), input, bytes("00ffffffff"), little(1, outputs.length), ...written, little(4, 500))
      : join(
          bytes("0200000001"),
          input,
          bytes("00ffffffff"),
          little(1, outputs.length),
          ...written,
          little(4, 500),
          little(4, 0),
          bytes("01"),
          little(8, 9),
          bytes("000000000000000000")
        )
  )
}

/** Weight units or bytes of one input and one output of 22, 34 or 25 bytes of script; what a second input adds. */
const sizes: Readonly<Record<string, readonly [one: number, second: number]>> = {
  "bitcoin legacy": [4 * (8 + 1 + 41 + 1 + 9) + 2 + 156, 4 * 41 + 109],
  "bitcoin anchor": [4 * (8 + 1 + 41 + 1 + 9) + 2 + 157, 4 * 41 + 113],
  "bitcoin taproot": [4 * (8 + 1 + 41 + 1 + 9) + 2 + 202, 4 * 41 + 139],
  "bitcoin taprootFinal": [4 * (8 + 1 + 41 + 1 + 9) + 2 + 202, 4 * 41 + 138],
  "decred legacy": [12 + 1 + 1 + 57 + 1 + 157 + 1 + 36, 57 + 1 + 108],
  "decred anchor": [12 + 1 + 1 + 57 + 1 + 157 + 1 + 36, 57 + 1 + 112]
}

const size = (chain: string, kind: Kind, sweep: string, inputs: number): number => {
  const [one, second] = sizes[`${chain} ${kind}`] ?? [0, 0]
  return one + (inputs - 1) * second + (chain === "bitcoin" ? 4 * (sweep.length / 2) : 0)
}

interface Spent {
  readonly index: number
  readonly value: bigint
  readonly pkScript: string
  readonly script: string
  readonly key: string
  readonly sequence: number
  readonly signature: Uint8Array
  readonly rest: ReadonlyArray<string>
}

const unknown = { version: 2, allowUnknownOutputs: true, allowUnknownInputs: true, disableScriptCheck: true }

/** What a Bitcoin tower publishes. */
const publishBitcoin = (txid: Uint8Array, inputs: ReadonlyArray<Spent>, sweep: string, amount: bigint): string => {
  const transaction = new Transaction(unknown)
  for (const { index, pkScript, sequence, value } of inputs) {
    const witnessUtxo = { script: bytes(pkScript), amount: value }
    transaction.addInput({ txid: Uint8Array.from(txid).reverse(), index, sequence, witnessUtxo })
  }
  transaction.addOutput({ script: bytes(sweep), amount })
  for (const [i, input] of inputs.entries()) {
    const isTaproot = input.key.length === 64
    const digest = isTaproot
      ? transaction.preimageWitnessV1(
          i,
          inputs.map(({ pkScript }) => bytes(pkScript)),
          0,
          inputs.map(({ value }) => value),
          undefined,
          bytes(input.script)
        )
      : transaction.preimageWitnessV0(i, bytes(input.script), 1, input.value)
    const holds = isTaproot
      ? schnorr.verify(input.signature, digest, bytes(input.key))
      : secp256k1.verify(input.signature, digest, bytes(input.key), { prehash: false })
    if (!holds) throw new Error(`the signature of input ${i} does not hold`)
    const der = () => join(secp256k1.Signature.fromBytes(input.signature).toBytes("der"), bytes("01"))
    const finalScriptWitness = [isTaproot ? input.signature : der(), ...input.rest.map(bytes)]
    transaction.updateInput(i, { finalScriptWitness }, true)
  }
  return hex(transaction.extract())
}

/** What a Decred tower publishes. */
const publishDecred = (txid: Uint8Array, inputs: ReadonlyArray<Spent>, sweep: string, amount: bigint): string => {
  const prefix = join(
    little(1, inputs.length),
    ...inputs.map(({ index, sequence }) => join(txid, little(4, index), bytes("00"), little(4, sequence))),
    bytes("01"),
    little(8, amount),
    bytes("0000"),
    little(1, sweep.length / 2),
    bytes(sweep),
    bytes("0000000000000000")
  )
  const scripts = inputs.map((input, i) => {
    const witness = inputs.map(({ script }, j) =>
      i === j ? join(little(1, script.length / 2), bytes(script)) : bytes("00")
    )
    const digest = blake256(
      join(
        little(4, 1),
        blake256(join(bytes("02000100"), prefix)),
        blake256(join(bytes("02000300"), little(1, inputs.length), ...witness))
      )
    )
    if (!secp256k1.verify(input.signature, digest, bytes(input.key), { prehash: false })) {
      throw new Error(`the signature of input ${i} does not hold`)
    }
    const der = join(secp256k1.Signature.fromBytes(input.signature).toBytes("der"), bytes("01"))
    const pushed = input.rest.map((part) => {
      if (part === "01") return bytes("51")
      return join(part.length / 2 > 75 ? bytes("4c") : bytes(""), little(1, part.length / 2), bytes(part))
    })
    return join(little(1, der.length), der, ...pushed)
  })
  const witnesses = inputs.map(({ value }, i) => {
    const script = scripts[i] ?? bytes("")
    return join(little(8, value), bytes("0000000000000000"), little(1, script.length), script)
  })
  return hex(join(bytes("02000000"), prefix, little(1, inputs.length), ...witnesses))
}

/** The justice transaction of a blob, or a throw. */
export const publish = (
  chain: "bitcoin" | "decred",
  kind: Kind,
  feeRate: bigint,
  raw: string,
  outputs: ReadonlyArray<{ readonly value: bigint; readonly script: string }>,
  blob: string
): { readonly hint: string; readonly transaction: string; readonly sweep: string; readonly amount: bigint } => {
  const isBitcoin = chain === "bitcoin"
  const hash = isBitcoin ? sha256 : blake256
  // A Decred id is of the part before the one witness of 17 bytes, whose count is a byte; the version says so.
  const txid = isBitcoin
    ? bytes(Transaction.fromRaw(bytes(raw), unknown).id).reverse()
    : blake256(bytes(`02000100${raw.slice(8, -2 * (1 + 17))}`))
  const sealed = bytes(blob)
  const kit = hex(xchacha20poly1305(hash(join(txid, txid)), sealed.subarray(0, 24)).decrypt(sealed.subarray(24)))
  let at = 0
  const take = (count: number): string => {
    at += 2 * count
    return kit.slice(at - 2 * count, at)
  }
  const length = Number.parseInt(take(1), 16)
  const sweep = take(42).slice(0, 2 * length)
  const isTaproot = kind === "taproot" || kind === "taprootFinal"
  const width = isTaproot ? 32 : 33
  const [revocation, delay] = [take(width), take(width)]
  const csvDelay = isTaproot ? 0 : Number.parseInt(take(4), 16)
  const toLocalSignature = bytes(take(64))
  const sibling = isTaproot ? take(32) : ""
  const [toRemote, toRemoteSignature] = [take(33), bytes(take(64))]
  if (at !== kit.length) throw new Error("the kit has another length")

  const spend = (pkScript: string, spent: Omit<Spent, "index" | "value" | "pkScript">): Spent => {
    const index = outputs.findIndex(({ script }) => script === pkScript)
    if (index === -1) throw new Error(`no output has the script ${pkScript}`)
    return { ...spent, index, value: outputs[index]?.value ?? 0n, pkScript }
  }
  const tapscript = (script: string, proof: string, key: string, sequence: number, signature: Uint8Array): Spent => {
    const leaf = hex(tapLeafHash(bytes(script)))
    const tag = (name: string, ...parts: ReadonlyArray<string>) =>
      hex(schnorr.utils.taggedHash(name, ...parts.map(bytes)))
    const root = proof === "" ? leaf : tag("TapBranch", ...[leaf, proof].sort())
    const tweak = BigInt(`0x${tag("TapTweak", hex(nums), root)}`)
    const point = schnorr.utils.lift_x(BigInt(`0x${hex(nums)}`)).add(secp256k1.Point.BASE.multiply(tweak))
    const compressed = point.toHex(true)
    const control = `${compressed.startsWith("03") ? "c1" : "c0"}${hex(nums)}${proof}`
    return spend(`5120${compressed.slice(2)}`, { script, key, sequence, signature, rest: [script, control] })
  }
  const inputs: Array<Spent> = []
  if (isTaproot) {
    inputs.push(tapscript(revokeLeaf(delay, revocation), sibling, revocation, 0, toLocalSignature))
    if (/^0[23]/.test(toRemote)) {
      const x = toRemote.slice(2)
      inputs.push(tapscript(delayLeaf(kind, x, 1), "", x, 1, toRemoteSignature))
    }
  } else {
    const scripts = outputScripts(chain, kind, { revocation, delay, toRemote, csvDelay })
    const local = toLocalScript(revocation, delay, csvDelay)
    inputs.push(
      spend(scripts.toLocal, {
        script: local,
        key: revocation,
        sequence: 0,
        signature: toLocalSignature,
        rest: ["01", local]
      })
    )
    if (/^0[23]/.test(toRemote)) {
      const remote = toRemoteScript(toRemote)
      const keyHash = isBitcoin ? bitcoinHash160(bytes(toRemote)) : decredHash160(bytes(toRemote))
      inputs.push(
        spend(
          scripts.toRemote,
          kind === "legacy"
            ? {
                script: `76a914${keyHash}88ac`,
                key: toRemote,
                sequence: 0,
                signature: toRemoteSignature,
                rest: [toRemote]
              }
            : { script: remote, key: toRemote, sequence: 1, signature: toRemoteSignature, rest: [remote] }
        )
      )
    }
  }
  inputs.sort((a, b) => a.index - b.index)
  const total = inputs.reduce((sum, { value }) => sum + value, 0n)
  const amount = total - (feeRate * BigInt(size(chain, kind, sweep, inputs.length))) / 1000n
  const transaction = (isBitcoin ? publishBitcoin : publishDecred)(txid, inputs, sweep, amount)
  return { hint: hex(hash(txid)).slice(0, 32), transaction, sweep, amount }
}
