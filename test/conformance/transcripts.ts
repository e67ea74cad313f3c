import { Either, Redacted, Schema } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as Frame from "../../src/internal/frame.js"
import * as Noise from "../../src/internal/noise.js"
import * as Codec from "../../src/schema/wire/Codec.js"
import { curve } from "./curve.js"
import { differs, type Result } from "./result.js"
import { type Same, vector } from "./vector.js"

const Direction = Schema.Literal("client->tower", "tower->client")

const Sent = Schema.Struct({
  dir: Direction,
  what: Schema.String,
  plaintext: Schema.optional(Schema.String),
  hex: Schema.optional(Schema.String)
})

const Transcript = Schema.Struct({
  name: Schema.String,
  sessionPriv: Schema.String,
  sessionPub_sessionId: Schema.String,
  towerPriv: Schema.String,
  towerPub: Schema.String,
  clientEphemeralPriv: Schema.String,
  towerEphemeralPriv: Schema.String,
  frames: Schema.NonEmptyArray(Sent)
})

const Transcripts = Schema.Struct({ transcripts: Schema.NonEmptyArray(Transcript) })

const publicKey = (secret: string) => curve.publicKey(fromHex(secret))
const ecdh = (secret: string, point: Uint8Array) => Redacted.make(Either.getOrThrow(curve.ecdh(fromHex(secret), point)))
const ephemeral = (secret: string): Noise.EphemeralKey => ({
  secret: Redacted.make(fromHex(secret)),
  publicKey: publicKey(secret)
})

const shakeHands = (transcript: typeof Transcript.Type) => {
  const start = Noise.initiator(fromHex(transcript.towerPub))
  const [awaitingTwo, one] = Either.getOrThrow(
    Noise.writeActOne(curve, start, ephemeral(transcript.clientEphemeralPriv))
  )
  const waiting = Noise.responder(fromHex(transcript.towerPub))
  const checking = Either.getOrThrow(Noise.readActOne(curve, waiting, one))
  const right = Either.getOrThrow(Noise.checkActOne(checking, ecdh(transcript.towerPriv, checking.point)))
  const [awaitingThree, two] = Either.getOrThrow(
    Noise.writeActTwo(curve, right, ephemeral(transcript.towerEphemeralPriv))
  )
  const sending = Either.getOrThrow(Noise.readActTwo(curve, awaitingTwo, two))
  const se = ecdh(transcript.sessionPriv, sending.point)
  const [client, three] = Noise.writeActThree(sending, fromHex(transcript.sessionPub_sessionId), se)
  const [tower, sessionId] = Either.getOrThrow(Noise.readActThree(curve, awaitingThree, three))
  return { acts: [one, two, three].map(toHex), client, tower, sessionId: toHex(sessionId) }
}

const directionOfAct = ["client->tower", "tower->client", "client->tower"]

const compare = (same: Same, transcript: typeof Transcript.Type) => {
  same("sessionPub_sessionId", transcript.sessionPub_sessionId, toHex(publicKey(transcript.sessionPriv)))
  same("towerPub", transcript.towerPub, toHex(publicKey(transcript.towerPriv)))
  const { acts, client, sessionId, tower } = shakeHands(transcript)
  same("sessionPub_sessionId, read", transcript.sessionPub_sessionId, sessionId)
  for (const [i, act] of acts.entries()) {
    same(`act ${i + 1}`, [transcript.frames[i]?.dir, transcript.frames[i]?.hex], [directionOfAct[i], act])
  }
  const ends = {
    "client->tower": { cipher: client.send, decoder: Frame.decoder(tower.receive) },
    "tower->client": { cipher: tower.send, decoder: Frame.decoder(client.receive) }
  }
  for (const { dir, hex, plaintext, what } of transcript.frames.slice(acts.length)) {
    const end = ends[dir]
    if (plaintext === undefined || hex === undefined) {
      same(`${what}: neither text nor bytes`, [undefined, undefined], [plaintext, hex])
      continue
    }
    const [cipher, frame] = Frame.encrypt(end.cipher, fromHex(plaintext))
    same(what, hex, toHex(frame))
    const [decoder, bodies] = Frame.push(end.decoder, fromHex(hex))
    same(`${what}, read`, [plaintext], bodies.map(toHex))
    const message = Either.getOrThrowWith(Codec.decode(fromHex(plaintext)), ({ reason }) => new Error(reason))
    same(`${what}, as a message`, plaintext, toHex(Codec.encode(message)))
    Object.assign(end, { cipher, decoder })
  }
}

/** Compares every stream of a file in the format of `session-transcripts.json` with what both our roles say. */
export const check = (json: unknown): Array<Result> => {
  const decoded = Schema.decodeUnknownEither(Transcripts)(json)
  if (Either.isLeft(decoded)) return [differs("file", decoded.left.message)]
  return decoded.right.transcripts.map((transcript) => vector(transcript.name, (same) => compare(same, transcript)))
}
