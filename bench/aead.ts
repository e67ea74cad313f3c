/**
 * ChaCha20-Poly1305 for pieces of four sizes, without associated data as in frames: ours, which takes a key that is not printed, and a counter,
 * and answers an Either, beside the library that it calls and Node's own, in turn. 34 bytes are a header with its tag and another tag.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import * as Aead from "../src/internal/aead.js"
import { contender, inTurn, printRates, type Rates } from "./support/rates.js"

const runs = 5
const millisEach = 60
const sizes: ReadonlyArray<readonly [name: string, bytes: number]> = [
  ["34 B", 34],
  ["64 B", 64],
  ["1 KiB", 1024],
  ["64 KiB", 65_536]
]

const key = randomBytes(32)
const ourKey = new Aead.Key(new Uint8Array(key))
const nonce = new Uint8Array(12)
const nothing = new Uint8Array(0)
const options = { authTagLength: Aead.tagLength } as const

const sealByNode = (plaintext: Uint8Array): Buffer => {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, options)
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

const openByNode = (sealed: Uint8Array): Buffer => {
  const end = sealed.length - Aead.tagLength
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, options)
  decipher.setAuthTag(sealed.subarray(end))
  return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
}

const compare = (bytes: number) => {
  const plaintext = new Uint8Array(randomBytes(bytes))
  const sealed = Aead.seal(ourKey, 0, nothing, plaintext)
  const [ours, library, node] = ["ours", "@noble/ciphers", "node:crypto"]
  return {
    seal: [
      contender(ours, () => Aead.seal(ourKey, 0, nothing, plaintext)),
      contender(library, () => chacha20poly1305(key, nonce, nothing).encrypt(plaintext)),
      contender(node, () => sealByNode(plaintext))
    ],
    open: [
      contender(ours, () => Aead.open(ourKey, 0, nothing, sealed)),
      contender(library, () => chacha20poly1305(key, nonce, nothing).decrypt(sealed)),
      contender(node, () => openByNode(sealed))
    ]
  }
}

/** Prints how many are sealed and opened a second; answers the figures of each run. @since 0.1.0 */
export const aead = async (): Promise<Readonly<Record<string, Rates>>> => {
  const found: Record<string, Rates> = {}
  for (const [name, bytes] of sizes) {
    for (const [work, contenders] of Object.entries(compare(bytes))) {
      const title = `${work} ${name}`
      const rates = await inTurn(contenders, runs, millisEach)
      printRates(
        `${title}, as often a second, median of ${runs} (least to most):`,
        rates,
        contenders.slice(1).map(({ name }) => name)
      )
      found[title] = rates
    }
  }
  return found
}
