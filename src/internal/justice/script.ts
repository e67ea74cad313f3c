/**
 * Scripts as bytes: the opcodes that commitment outputs are made of, and how data and numbers are pushed.
 *
 * @since 0.1.0
 */
import { concat } from "../bytes.js"

/** The opcodes by their names. @since 0.1.0 @category models */
export const op = {
  pushData1: 0x4c,
  one: 0x51,
  if: 0x63,
  else: 0x67,
  endif: 0x68,
  drop: 0x75,
  dup: 0x76,
  equal: 0x87,
  equalVerify: 0x88,
  hash160: 0xa9,
  checkSig: 0xac,
  checkSigVerify: 0xad,
  checkSequenceVerify: 0xb2
} as const

/** A script of opcodes and of parts that are pushed already. @since 0.1.0 @category constructors */
export const script = (...parts: ReadonlyArray<number | Uint8Array>): Uint8Array =>
  concat(...parts.map((part) => (typeof part === "number" ? Uint8Array.of(part) : part)))

/** 1 to 16 have opcodes of their own, and the engines insist on them. */
const small = (value: number): number => op.one + value - 1

/** Pushes up to 255 bytes of data, in the shortest form. @since 0.1.0 @category constructors */
export const push = (data: Uint8Array): Uint8Array => {
  const [first = 0] = data
  if (data.length === 1 && first >= 1 && first <= 16) return Uint8Array.of(small(first))
  return data.length < op.pushData1
    ? concat(Uint8Array.of(data.length), data)
    : concat(Uint8Array.of(op.pushData1, data.length), data)
}

/**
 * Pushes a number that is not negative, in the shortest form: little-endian, with a zero byte behind a last byte whose top bit
 * is set, since that is the sign.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pushNumber = (value: number): Uint8Array => {
  const bytes: Array<number> = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256)
  if ((bytes.at(-1) ?? 0) > 0x7f) bytes.push(0)
  return push(Uint8Array.from(bytes))
}

/** Pays to the hash160 of a public key (P2PKH). @since 0.1.0 @category constructors */
export const payToPublicKeyHash = (hash: Uint8Array): Uint8Array =>
  script(op.dup, op.hash160, push(hash), op.equalVerify, op.checkSig)

/** Pays to the hash160 of a script (P2SH). @since 0.1.0 @category constructors */
export const payToScriptHash = (hash: Uint8Array): Uint8Array => script(op.hash160, push(hash), op.equal)

/**
 * The revocable output of the party whose commitment it is: the revocation key at once, the delay key after the delay (BOLT-3;
 * `input/script_utils.go`, `CommitScriptToSelf`).
 *
 * @since 0.1.0
 * @category constructors
 */
export const toLocal = (revocationKey: Uint8Array, delayKey: Uint8Array, csvDelay: number): Uint8Array =>
  script(
    ...[op.if, push(revocationKey)],
    ...[op.else, pushNumber(csvDelay), op.checkSequenceVerify, op.drop, push(delayKey)],
    ...[op.endif, op.checkSig]
  )

/** The other party's output in a channel with anchors: its key, after one block (BOLT-3). @since 0.1.0 @category constructors */
export const toRemoteConfirmed = (key: Uint8Array): Uint8Array =>
  script(push(key), op.checkSigVerify, op.one, op.checkSequenceVerify)
