/** Both roles of the handshake in one process, without a network: the work of the processor alone, with each curve in turn. */
import { Either, Redacted } from "effect"
import type { Curve } from "../src/internal/curve.js"
import * as Noise from "../src/internal/noise.js"
import { native, noble, webAssembly } from "../src/services/Curve.js"

const runs = 5
const millisEach = 1000

const random = (curve: Curve): Uint8Array => {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(32))
  return curve.isSecret(bytes) ? bytes : random(curve)
}

const right = Either.getOrThrow

const handshake = (curve: Curve, clientKey: Uint8Array, towerKey: Uint8Array, towerPoint: Uint8Array) => {
  const key = () => {
    const secret = random(curve)
    return { secret: Redacted.make(secret), publicKey: curve.publicKey(secret) }
  }
  const ecdh = (secret: Uint8Array, point: Uint8Array) => Redacted.make(right(curve.ecdh(secret, point)))
  const [awaitingTwo, one] = right(Noise.writeActOne(curve, Noise.initiator(towerPoint), key()))
  const checking = right(Noise.readActOne(curve, Noise.responder(towerPoint), one))
  const sendingTwo = right(Noise.checkActOne(checking, ecdh(towerKey, checking.point)))
  const [awaitingThree, two] = right(Noise.writeActTwo(curve, sendingTwo, key()))
  const sendingThree = right(Noise.readActTwo(curve, awaitingTwo, two))
  const clientPoint = curve.publicKey(clientKey)
  const [, three] = Noise.writeActThree(sendingThree, clientPoint, ecdh(clientKey, sendingThree.point))
  right(Noise.readActThree(curve, awaitingThree, three))
}

const rate = (curve: Curve): number => {
  const clientKey = random(curve)
  const towerKey = random(curve)
  const towerPoint = curve.publicKey(towerKey)
  const began = performance.now()
  let count = 0
  while (performance.now() - began < millisEach) {
    handshake(curve, clientKey, towerKey, towerPoint)
    count += 1
  }
  return (1000 * count) / (performance.now() - began)
}

/** Prints handshakes a second and the ratio to noble; answers the figures by curve. @since 0.1.0 */
export const handshakes = async (): Promise<Record<string, ReadonlyArray<number>>> => {
  const curves = [noble, webAssembly(), native()]
  for (const curve of curves) rate(curve)
  const found = Object.fromEntries(curves.map(({ name }) => [name, [] as Array<number>]))
  for (let run = 0; run < runs; run++) for (const curve of curves) found[curve.name]?.push(rate(curve))
  const median = (values: ReadonlyArray<number> = []) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
  console.log(`Handshakes a second, both roles in one process, median of ${runs} (least to most):`)
  for (const [name, values] of Object.entries(found)) {
    const ratio = (median(values) / median(found.noble)).toFixed(1)
    const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(0))
    console.log(`  ${name.padEnd(12)} ${median(values).toFixed(0).padStart(6)} (${least} to ${most}), ${ratio} x noble`)
  }
  return found
}
