/**
 * Message frames (BOLT-8; docs/protocol.md, Frames): a sealed length of 2 bytes, then the sealed body. Reading is a
 * fold over the chunks that arrive, however they are cut.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { tagLength } from "./aead.js"
import { concat } from "./bytes.js"
import * as Cipher from "./cipher.js"

/** The longest body, in bytes. @since 0.1.0 @category models */
export const maxBody = 0xffff

const headerLength = 2 + tagLength

/** What a frame has beyond its body, in bytes. @since 0.1.0 @category models */
export const overhead = headerLength + tagLength

/** The longest frame on the wire, in bytes. @since 0.1.0 @category models */
export const maxFrame = overhead + maxBody

/** The frame of one body. A body that is too long is a bug: throws before anything is encrypted. @since 0.1.0 @category combinators */
export const encrypt = (cipher: Cipher.Cipher, body: Uint8Array): readonly [next: Cipher.Cipher, frame: Uint8Array] => {
  if (body.length > maxBody) throw new RangeError(`a body of ${body.length} bytes does not fit into a frame`)
  const [afterHeader, header] = Cipher.encrypt(cipher, new Uint8Array([body.length >> 8, body.length & 0xff]))
  const [next, sealed] = Cipher.encrypt(afterHeader, body)
  return [next, concat(header, sealed)]
}

/**
 * A decoder that waits for `missing` bytes more, of a header or of a body. `pieces` have come already: each is more than
 * twice as long as the next, so that they are few and joining them stays cheap, also when bytes come one at a time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reading {
  readonly _tag: "Reading"
  readonly cipher: Cipher.Cipher
  readonly part: "header" | "body"
  readonly pieces: ReadonlyArray<Uint8Array>
  readonly missing: number
}

/** Something did not decrypt; what follows cannot be read. @since 0.1.0 @category models */
export interface Broken {
  readonly _tag: "Broken"
  readonly cipher: Cipher.Cipher
}

/** Where reading stands. @since 0.1.0 @category models */
export type Decoder = Reading | Broken

const expect = (cipher: Cipher.Cipher, part: Reading["part"], missing: number): Reading => ({
  _tag: "Reading",
  cipher,
  part,
  pieces: [],
  missing
})

/** A decoder that has read nothing. @since 0.1.0 @category constructors */
export const decoder = (cipher: Cipher.Cipher): Decoder => expect(cipher, "header", headerLength)

const append = (pieces: ReadonlyArray<Uint8Array>, piece: Uint8Array): ReadonlyArray<Uint8Array> => {
  let rest = pieces.length
  let length = piece.length
  for (let last = pieces[rest - 1]; last !== undefined && last.length <= 2 * length; last = pieces[rest - 1]) {
    length += last.length
    rest -= 1
  }
  return [...pieces.slice(0, rest), rest === pieces.length ? piece : concat(...pieces.slice(rest), piece)]
}

/**
 * Reads one more chunk: the bodies that it completes, in order. A frame that does not decrypt breaks the decoder, but
 * not the bodies before it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const push = (
  decoder: Decoder,
  chunk: Uint8Array
): readonly [next: Decoder, bodies: ReadonlyArray<Uint8Array>] => {
  const bodies: Array<Uint8Array> = []
  let state = decoder
  let rest = chunk
  while (state._tag === "Reading" && rest.length > 0) {
    const piece = rest.subarray(0, state.missing)
    const pieces: ReadonlyArray<Uint8Array> = append(state.pieces, piece)
    rest = rest.subarray(piece.length)
    if (piece.length < state.missing) {
      state = { ...state, pieces, missing: state.missing - piece.length }
      continue
    }
    const opened = Cipher.decrypt(state.cipher, concat(...pieces))
    if (Either.isLeft(opened)) {
      state = { _tag: "Broken", cipher: state.cipher }
      continue
    }
    const [cipher, plaintext] = opened.right
    if (state.part === "header") {
      state = expect(cipher, "body", new DataView(plaintext.buffer, plaintext.byteOffset).getUint16(0) + tagLength)
    } else {
      bodies.push(plaintext)
      state = expect(cipher, "header", headerLength)
    }
  }
  return [state, bodies]
}
