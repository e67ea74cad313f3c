import { Either, Redacted, Schema } from "effect"
import { Key, tagLength } from "../../src/internal/aead.js"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as Cipher from "../../src/internal/cipher.js"
import * as Frame from "../../src/internal/frame.js"
import * as Noise from "../../src/internal/noise.js"
import * as Symmetric from "../../src/internal/symmetric.js"
import { curve } from "./curve.js"
import { differs, type Result } from "./result.js"
import { type Same, vector } from "./vector.js"

const Common = {
  name: Schema.String,
  lsPriv: Schema.String,
  lsPub: Schema.String,
  ePriv: Schema.String,
  ePub: Schema.String,
  expect: Schema.String,
  sk: Schema.optional(Schema.String),
  rk: Schema.optional(Schema.String),
  finalChainingKey: Schema.optional(Schema.String),
  debugTrace: Schema.optional(Schema.Array(Schema.String))
}

const InitiatorCase = Schema.Struct({
  ...Common,
  rsPub: Schema.String,
  actOneOutput: Schema.String,
  actTwoInput: Schema.String,
  actThreeOutput: Schema.optional(Schema.String)
})

const ResponderCase = Schema.Struct({
  ...Common,
  actOneInput: Schema.String,
  actTwoOutput: Schema.optional(Schema.String),
  actThreeInput: Schema.optional(Schema.String)
})

const Vectors = Schema.Struct({
  constants: Schema.Struct({
    protocolName: Schema.String,
    prologueAscii: Schema.String,
    actSizes: Schema.Array(Schema.Number),
    version: Schema.Number,
    keyRotationNonce: Schema.Number,
    macSize: Schema.Number,
    maxMessage: Schema.Number
  }),
  initiator: Schema.NonEmptyArray(InitiatorCase),
  responder: Schema.NonEmptyArray(ResponderCase),
  messageEncryption: Schema.Struct({
    name: Schema.String,
    outputs: Schema.NonEmptyArray(Schema.Struct({ index: Schema.Number, hex: Schema.String })),
    ck: Schema.String,
    sk: Schema.String,
    rk: Schema.String,
    rotations: Schema.Array(
      Schema.Struct({ salt_ck: Schema.String, ikm_k: Schema.String, next_ck: Schema.String, next_k: Schema.String })
    ),
    plaintext_hex: Schema.String,
    messages_sent: Schema.Number
  })
})

type Outcome<A> = Either.Either<A, string>

const hexOf = (key: Key): string => toHex(key.bytes())
const keyOf = (hex: string): Key => new Key(fromHex(hex))
const ephemeral = (hex: string): Noise.EphemeralKey => ({
  secret: Redacted.make(fromHex(hex)),
  publicKey: curve.publicKey(fromHex(hex))
})
const ecdh = (hex: string, point: Uint8Array): Uint8Array => Either.getOrThrow(curve.ecdh(fromHex(hex), point))

/** A read of an act: too few bytes is the read's failure, the rest the act's. The file names the fault of a bad tag `TAG`. */
const received = <A>(
  act: 1 | 2 | 3,
  hex: string,
  length: number,
  read: (bytes: Uint8Array) => Either.Either<A, Noise.BadAct>
): Outcome<A> => {
  const bytes = fromHex(hex)
  if (bytes.length < length) return Either.left(`ACT${act}_READ_FAILED`)
  const words = { BadVersion: "BAD_VERSION", BadKey: "BAD_PUBKEY", BadMac: "BAD_TAG" }
  return Either.mapLeft(read(bytes), (fault) => `ACT${act}_${words[fault]}`)
}

const finished = (transport: Noise.Transport) => ({
  sk: hexOf(transport.send.key),
  rk: hexOf(transport.receive.key),
  finalChainingKey: hexOf(transport.send.chainingKey)
})

const compareEnd = (
  same: Same,
  expected: typeof InitiatorCase.Type | typeof ResponderCase.Type,
  outcome: Outcome<Noise.Transport>
) => {
  // The file spells some outcomes with a number behind them, and others without.
  same("expect", expected.expect.split(" ")[0], Either.isRight(outcome) ? "OK" : outcome.left)
  const ours = Either.isRight(outcome) ? finished(outcome.right) : {}
  same(
    "keys",
    JSON.stringify({ sk: expected.sk, rk: expected.rk, finalChainingKey: expected.finalChainingKey }),
    JSON.stringify(ours)
  )
  if (Either.isRight(outcome)) {
    same("the other direction's chaining key", expected.finalChainingKey, hexOf(outcome.right.receive.chainingKey))
  }
}

const compareKeys = (same: Same, expected: typeof InitiatorCase.Type | typeof ResponderCase.Type) => {
  same("lsPub", expected.lsPub, toHex(curve.publicKey(fromHex(expected.lsPriv))))
  same("ePub", expected.ePub, toHex(curve.publicKey(fromHex(expected.ePriv))))
}

const initiate = (same: Same, expected: typeof InitiatorCase.Type): Outcome<Noise.Transport> => {
  const start = Noise.initiator(fromHex(expected.rsPub))
  const [awaiting, actOne] = Either.getOrThrow(Noise.writeActOne(curve, start, ephemeral(expected.ePriv)))
  same("actOneOutput", expected.actOneOutput, toHex(actOne))
  return Either.map(
    received(2, expected.actTwoInput, Noise.actLength.two, (act) => Noise.readActTwo(curve, awaiting, act)),
    (sending) => {
      const se = Redacted.make(ecdh(expected.lsPriv, sending.point))
      const [transport, actThree] = Noise.writeActThree(sending, fromHex(expected.lsPub), se)
      same("actThreeOutput", expected.actThreeOutput, toHex(actThree))
      return transport
    }
  )
}

const respond = (same: Same, expected: typeof ResponderCase.Type): Outcome<Noise.Transport> =>
  Either.gen(function* () {
    const start = Noise.responder(fromHex(expected.lsPub))
    const sending = yield* received(1, expected.actOneInput, Noise.actLength.one, (act) =>
      Either.flatMap(Noise.readActOne(curve, start, act), (checking) =>
        Noise.checkActOne(checking, Redacted.make(ecdh(expected.lsPriv, checking.point)))
      )
    )
    const [awaiting, actTwo] = Either.getOrThrow(Noise.writeActTwo(curve, sending, ephemeral(expected.ePriv)))
    same("actTwoOutput", expected.actTwoOutput, toHex(actTwo))
    const actThree = expected.actThreeInput ?? ""
    const [transport] = yield* Either.mapLeft(
      received(3, actThree, Noise.actLength.three, (act) => Noise.readActThree(curve, awaiting, act)),
      (outcome) =>
        outcome === "ACT3_BAD_TAG" &&
        Either.isLeft(Symmetric.decryptAndHash(awaiting.symmetric, fromHex(actThree).subarray(1, 50)))
          ? "ACT3_BAD_CIPHERTEXT"
          : outcome
    )
    return transport
  })

interface Keys {
  readonly initiator: string
  readonly initiatorEphemeral: string
  readonly responder: string
  readonly responderEphemeral: string
}

/** The successful handshake step by step, in the words of the file, without the marks of hexadecimal. */
const trace = (role: "initiator" | "responder", keys: Keys): ReadonlyArray<string> => {
  const initiating = role === "initiator"
  const pointOf = (key: string) => curve.publicKey(fromHex(key))
  const [rs, e, re] = [pointOf(keys.responder), pointOf(keys.initiatorEphemeral), pointOf(keys.responderEphemeral)]
  const lines: Array<string> = []
  let state = Symmetric.initialize(rs)
  const hash = () => lines.push(`h=${toHex(state.hash)}`)
  const take = (point: Uint8Array) => {
    state = Symmetric.mixHash(state, point)
    hash()
  }
  const mix = (act: number, ss: Uint8Array) => {
    lines.push(`ss=${toHex(ss)}`, `HKDF(${hexOf(state.chainingKey)},${toHex(ss)})`)
    state = Symmetric.mixKey(state, ss)
    lines.push(`ck,temp_k${act}=${hexOf(state.chainingKey)},${hexOf(state.key)}`)
  }
  const sealed = (sending: boolean, label: string, plaintext: Uint8Array, last = false) => {
    const before = `${hexOf(state.key)}, ${`00000000${state.nonce.toString(16).padStart(2, "0")}`.padEnd(24, "0")}, ${toHex(state.hash)}`
    const [next, text] = Symmetric.encryptAndHash(state, plaintext)
    state = next
    if (sending) lines.push(`encryptWithAD(${before}, ${toHex(plaintext) || "<empty>"})`, `${label}=${toHex(text)}`)
    else lines.push(`decryptWithAD(${before}, ${toHex(text)})`)
    if (!sending && plaintext.length > 0) lines.push(`rs=${toHex(plaintext)}`)
    if (!last) hash()
  }
  const nothing = new Uint8Array(0)
  lines.push("Act One")
  if (!initiating) lines.push(`re=${toHex(e)}`)
  take(e)
  mix(1, ecdh(keys.initiatorEphemeral, rs))
  sealed(initiating, "c", nothing)
  lines.push("Act Two", initiating ? `re=${toHex(re)}` : `e.pub=${toHex(re)} e.priv=${keys.responderEphemeral}`)
  take(re)
  mix(2, ecdh(keys.initiatorEphemeral, re))
  sealed(!initiating, "c", nothing)
  lines.push("Act Three")
  sealed(initiating, "c", curve.publicKey(fromHex(keys.initiator)))
  mix(3, ecdh(keys.initiator, re))
  sealed(initiating, "t", nothing, true)
  lines.push(`HKDF(${hexOf(state.chainingKey)},zero)`)
  return lines
}

const compareTrace = (same: Same, expected: ReadonlyArray<string>, actual: ReadonlyArray<string>) => {
  same("debugTrace length", expected.length, actual.length)
  for (const [i, line] of expected.entries()) same(`debugTrace ${i}`, line.replaceAll("0x", ""), actual[i])
}

/** The file, or what is wrong with its form. */
export const decode = Schema.decodeUnknownSync(Vectors)

/** Compares every case of a file in the format of `bolt8-vectors.json` with what our handshake and frames give. */
export const check = (json: unknown): Array<Result> => {
  const decoded = Schema.decodeUnknownEither(Vectors)(json)
  if (Either.isLeft(decoded)) return [differs("file", decoded.left.message)]
  const { constants, initiator, messageEncryption, responder } = decoded.right
  const keys: Keys = {
    initiator: initiator[0].lsPriv,
    initiatorEphemeral: initiator[0].ePriv,
    responder: responder[0].lsPriv,
    responderEphemeral: responder[0].ePriv
  }
  return [
    vector("constants", (same) => {
      same("protocolName", constants.protocolName, Symmetric.protocolName)
      same("prologueAscii", constants.prologueAscii, Symmetric.prologue)
      same("actSizes", constants.actSizes, Object.values(Noise.actLength))
      same("version", constants.version, Noise.version)
      same("keyRotationNonce", constants.keyRotationNonce, Cipher.usesOfKey)
      same("macSize", constants.macSize, tagLength)
      same("maxMessage", constants.maxMessage, Frame.maxBody)
    }),
    ...initiator.map((expected) =>
      vector(expected.name, (same) => {
        compareKeys(same, expected)
        compareEnd(same, expected, initiate(same, expected))
        if (expected.debugTrace) compareTrace(same, expected.debugTrace, trace("initiator", keys))
      })
    ),
    ...responder.map((expected) =>
      vector(expected.name, (same) => {
        compareKeys(same, expected)
        compareEnd(same, expected, respond(same, expected))
        if (expected.debugTrace) compareTrace(same, expected.debugTrace, trace("responder", keys))
      })
    ),
    vector(messageEncryption.name, (same) => {
      const { ck, rk, sk } = messageEncryption
      const handshake = Either.getOrThrow(initiate(() => {}, initiator[0]))
      same("keys", { sk, rk, finalChainingKey: ck }, finished(handshake))
      const outputs = new Map(messageEncryption.outputs.map(({ hex, index }) => [index, hex]))
      same("messages_sent", messageEncryption.messages_sent, Math.max(...outputs.keys()) + 1)
      const plaintext = fromHex(messageEncryption.plaintext_hex)
      const rotations: Array<(typeof messageEncryption.rotations)[number]> = []
      const start = () => Cipher.make(keyOf(sk), keyOf(ck))
      let sender = start()
      let reader = Frame.decoder(start())
      for (let index = 0; index < messageEncryption.messages_sent; index++) {
        const used = { salt_ck: hexOf(sender.chainingKey), ikm_k: hexOf(sender.key) }
        const [next, frame] = Frame.encrypt(sender, plaintext)
        if (outputs.has(index)) same(`message ${index}`, outputs.get(index), toHex(frame))
        const [nextReader, bodies] = Frame.push(reader, frame)
        same(`message ${index}, read`, [messageEncryption.plaintext_hex], bodies.map(toHex))
        if (hexOf(next.key) !== used.ikm_k) {
          rotations.push({ ...used, next_ck: hexOf(next.chainingKey), next_k: hexOf(next.key) })
        }
        sender = next
        reader = nextReader
      }
      same("rotations", messageEncryption.rotations, rotations)
    })
  ]
}
