/**
 * Blobs: kits encrypted with a key that only the commitment transaction gives, and the hint by which the tower recognizes that
 * transaction (`watchtower/blob/derivation.go`, `justice_kit.go`).
 *
 * @since 0.1.0
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js"
import * as Either from "effect/Either"
import { concat } from "../bytes.js"
import type { JusticeChain } from "./chain.js"

type Hash = Pick<JusticeChain, "hash">

/** The size of a blob's nonce in bytes. @since 0.1.0 @category models */
export const nonceLength = 24

/** The first 16 bytes of the hash of a transaction's id (internal order). @since 0.1.0 @category combinators */
export const hint = ({ hash }: Hash, txid: Uint8Array): Uint8Array => hash(txid).subarray(0, 16)

/** The hash of the id twice: secret as long as the transaction was not broadcast. @since 0.1.0 @category combinators */
export const key = ({ hash }: Hash, txid: Uint8Array): Uint8Array => hash(concat(txid, txid))

/** XChaCha20-Poly1305: the nonce, the sealed kit and its tag. A nonce is for one kit only. @since 0.1.0 @category combinators */
export const seal = (chain: Hash, txid: Uint8Array, nonce: Uint8Array, kit: Uint8Array): Uint8Array =>
  concat(nonce, xchacha20poly1305(key(chain, txid), nonce).encrypt(kit))

/** The kit of a blob, if it was sealed for this transaction. @since 0.1.0 @category combinators */
export const open = (chain: Hash, txid: Uint8Array, blob: Uint8Array): Either.Either<Uint8Array, "WrongTransaction"> =>
  Either.try({
    try: () => xchacha20poly1305(key(chain, txid), blob.subarray(0, nonceLength)).decrypt(blob.subarray(nonceLength)),
    catch: () => "WrongTransaction" as const
  })
