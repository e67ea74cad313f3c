/** What the bench of handshakes compares: ours with each curve, and those of other libraries. */
import { NoiseState } from "@node-lightning/noise"
import { Either, Redacted } from "effect"
import { NoiseState as LnmessageState } from "lnmessage/dist/noise-state.js"
import type { Curve } from "../../src/internal/curve.js"
import * as Noise from "../../src/internal/noise.js"
import { native, noble, webAssembly } from "../../src/services/Curve.js"
import { type Contender, contender } from "./rates.js"

const random = (curve: Curve): Uint8Array => {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(32))
  return curve.isSecret(bytes) ? bytes : random(curve)
}

const right = Either.getOrThrow

const keyOf = (curve: Curve, secret: Uint8Array): Noise.EphemeralKey => ({
  secret: Redacted.make(secret),
  publicKey: curve.publicKey(secret)
})

const ecdh = (curve: Curve, secret: Uint8Array, point: Uint8Array) => Redacted.make(right(curve.ecdh(secret, point)))

/** The responder's acts one and two, with this ephemeral key. */
const answerActOne = (curve: Curve, towerKey: Uint8Array, towerPoint: Uint8Array, act: Uint8Array, own: Uint8Array) => {
  const checking = right(Noise.readActOne(curve, Noise.responder(towerPoint), act))
  const sendingTwo = right(Noise.checkActOne(checking, ecdh(curve, towerKey, checking.point)))
  return right(Noise.writeActTwo(curve, sendingTwo, keyOf(curve, own)))
}

/** The initiator's act three. Its point is made here: a session's key is new in each handshake. */
const finish = (
  curve: Curve,
  clientKey: Uint8Array,
  awaitingTwo: Noise.AwaitingActTwo,
  two: Uint8Array
): Uint8Array => {
  const sendingThree = right(Noise.readActTwo(curve, awaitingTwo, two))
  const se = ecdh(curve, clientKey, sendingThree.point)
  return Noise.writeActThree(sendingThree, curve.publicKey(clientKey), se)[1]
}

const oursInBothRoles = (curve: Curve): Contender => {
  const [clientKey, towerKey] = [random(curve), random(curve)]
  const towerPoint = curve.publicKey(towerKey)
  return contender(curve.name, () => {
    const ephemeral = keyOf(curve, random(curve))
    const [awaitingTwo, one] = right(Noise.writeActOne(curve, Noise.initiator(towerPoint), ephemeral))
    const [awaitingThree, two] = answerActOne(curve, towerKey, towerPoint, one, random(curve))
    right(Noise.readActThree(curve, awaitingThree, finish(curve, clientKey, awaitingTwo, two)))
  })
}

const buffer = (curve: Curve) => Buffer.from(random(curve))

/** `@node-lightning/noise`: libsecp256k1 as machine code, and the rest by `node:crypto`. */
export const nodeLightning = "@node-lightning/noise"

const theirsInBothRoles = (): Contender => {
  const curve = native()
  const [clientKey, towerKey] = [buffer(curve), buffer(curve)]
  const towerPoint = Buffer.from(curve.publicKey(towerKey))
  return contender(nodeLightning, () => {
    const initiator = new NoiseState({ ls: clientKey, es: buffer(curve) })
    const responder = new NoiseState({ ls: towerKey, es: buffer(curve) })
    responder.receiveAct1(initiator.initiatorAct1(towerPoint))
    initiator.initiatorAct2(responder.recieveAct2())
    responder.receiveAct3(initiator.initiatorAct3())
  })
}

/** Both roles, with each of our curves and by others. */
export const bothRoles = (): ReadonlyArray<Contender> => [
  ...[noble, webAssembly(), native()].map(oursInBothRoles),
  theirsInBothRoles()
]

/**
 * The initiator alone, against an act two that was answered once to its ephemeral key. Of `lnmessage` nothing else can be
 * measured: its responder leaves the tag on the key that it opens in act three, and refuses it.
 */
export const initiators = (): ReadonlyArray<Contender> => {
  const machine = native()
  const [clientKey, ephemeral, towerKey] = [random(machine), random(machine), random(machine)]
  const towerPoint = machine.publicKey(towerKey)
  const [, one] = right(Noise.writeActOne(machine, Noise.initiator(towerPoint), keyOf(machine, ephemeral)))
  const [, two] = answerActOne(machine, towerKey, towerPoint, one, random(machine))
  const ours = [noble, webAssembly(), machine].map((curve) =>
    contender(curve.name, () => {
      const [awaitingTwo] = right(Noise.writeActOne(curve, Noise.initiator(towerPoint), keyOf(curve, ephemeral)))
      finish(curve, clientKey, awaitingTwo, two)
    })
  )
  const [ls, es] = [Buffer.from(clientKey), Buffer.from(ephemeral)]
  const [rpk, actTwo] = [Buffer.from(towerPoint), Buffer.from(two)]
  const theirs = ([name, State]: readonly [string, typeof NoiseState | typeof LnmessageState]) =>
    contender(name, () => {
      const initiator = new State({ ls, es })
      initiator.initiatorAct1(rpk)
      initiator.initiatorAct2(actTwo)
      initiator.initiatorAct3()
    })
  const others = [
    [nodeLightning, NoiseState],
    ["lnmessage", LnmessageState]
  ] as const
  return [...ours, ...others.map(theirs)]
}
