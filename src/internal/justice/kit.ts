/**
 * Justice kits: what a blob holds once it is opened, in the two layouts that the daemons know (docs/protocol.md, Justice kits; lnd
 * `watchtower/blob/justice_kit_packet.go`). Nothing in the bytes says which layout they have: the session's blob type does.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { concat } from "../bytes.js"
import * as codec from "../fieldCodec.js"

/** What to_local follows from in channels before taproot: keys of 33 bytes, and the delay in blocks. @since 0.1.0 @category models */
export interface ToLocalV0 {
  readonly revocation: Uint8Array
  readonly delay: Uint8Array
  readonly csvDelay: number
}

/** The same in taproot channels: keys of 32 bytes, and the leaf of the delay, in which the tower cannot see the delay. @since 0.1.0 @category models */
export interface ToLocalV1 {
  readonly revocation: Uint8Array
  readonly delay: Uint8Array
  readonly delayLeaf: Uint8Array
}

/** A kit. Key and signature of to_remote are zeros where the commitment has no such output. @since 0.1.0 @category models */
export type Kit<ToLocal> = ToLocal & {
  readonly sweepScript: Uint8Array
  readonly toLocalSignature: Uint8Array
  readonly toRemote: Uint8Array
  readonly toRemoteSignature: Uint8Array
}

/** Room for the longest witness program. */
const maxSweepScript = 42

/** The length in one byte, and the script with zeros behind it up to 42 bytes. */
const sweepScript: codec.Codec<Uint8Array> = {
  read: (input, offset) =>
    Either.gen(function* () {
      const [length, start] = yield* codec.u8.read(input, offset)
      const [padded, end] = yield* codec.bytes(maxSweepScript).read(input, start)
      if (length > maxSweepScript) return yield* Either.left("FieldTooLong" as const)
      return [padded.subarray(0, length), end] as const
    }),
  write: (script) => concat(codec.u8.write(script.length), script, new Uint8Array(maxSweepScript - script.length))
}

const key = codec.bytes(33)
const xOnlyKey = codec.bytes(32)
const signature = codec.bytes(64)

/** Version 0: 274 bytes. @since 0.1.0 @category models */
export const v0 = codec.struct<Kit<ToLocalV0>>({
  sweepScript,
  revocation: key,
  delay: key,
  csvDelay: codec.u32,
  toLocalSignature: signature,
  toRemote: key,
  toRemoteSignature: signature
})

/** Version 1: 300 bytes. @since 0.1.0 @category models */
export const v1 = codec.struct<Kit<ToLocalV1>>({
  sweepScript,
  revocation: xOnlyKey,
  delay: xOnlyKey,
  toLocalSignature: signature,
  delayLeaf: codec.bytes(32),
  toRemote: key,
  toRemoteSignature: signature
})
