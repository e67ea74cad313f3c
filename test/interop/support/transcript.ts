/**
 * A negotiation as bytes: recorded once between us and a real peer, replayed without it. In the form of
 * `test/fixtures/session-transcripts.json`, but for the peer's ephemeral key, which only the peer ever had: what it
 * sent is replayed, and decrypted with our keys; what we sent must come out the same.
 */
import { Effect, Either, Redacted, Schema } from "effect"
import { concat, fromHex, toHex } from "../../../src/internal/bytes.js"
import type { Cipher } from "../../../src/internal/cipher.js"
import * as Frame from "../../../src/internal/frame.js"
import { nobleCurve as curve } from "../../../src/internal/nobleCurve.js"
import * as Noise from "../../../src/internal/noise.js"
import { KeyIndex } from "../../../src/schema/Ids.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import type { SocketDialer } from "../../../src/services/SocketDialer.js"

export const Direction = Schema.Literal("client->tower", "tower->client")
export type Direction = typeof Direction.Type

/** Without bytes it is the sender's end. */
export const FrameOf = Schema.Struct({
  dir: Direction,
  what: Schema.String,
  plaintext: Schema.optional(Schema.String),
  hex: Schema.optional(Schema.String)
})
export type FrameOf = typeof FrameOf.Type

/** `ours` is the direction that we sent in; of the other side there is no key but the public one. */
export const Transcript = Schema.Struct({
  name: Schema.String,
  note: Schema.String,
  ours: Direction,
  chain: Schema.Struct({ name: Schema.Literal("bitcoin", "decred"), network: Schema.String }),
  keyIndex: KeyIndex,
  blobType: Schema.Number,
  outcome: Schema.String,
  staticPriv: Schema.String,
  ephemeralPriv: Schema.String,
  towerPub: Schema.String,
  sessionPub_sessionId: Schema.String,
  frames: Schema.Array(FrameOf)
})
export type Transcript = typeof Transcript.Type

/** A file of them. */
export const File = Schema.parseJson(Schema.Struct({ note: Schema.String, transcripts: Schema.Array(Transcript) }), {
  space: 1
})

/** What went over a socket, in its order; no bytes: the other side's end. */
export type Log = Array<{ readonly mine: boolean; readonly bytes: Uint8Array | undefined }>

/** A raw socket that notes what goes over it. */
export const noting = <Socket extends SocketDialer.RawSocket>(log: Log, socket: Socket): Socket => ({
  ...socket,
  write: (bytes, onWritten) => {
    log.push({ mine: true, bytes })
    socket.write(bytes, onWritten)
  },
  take: () => {
    const taken = socket.take()
    if (taken !== undefined) log.push({ mine: false, bytes: taken === "Ended" ? undefined : taken })
    return taken
  }
})

/** The other side of a recorded socket: it says what it said, each time that we have said as much as we had then. */
export const replaying = (transcript: Transcript) =>
  Effect.sync(() => {
    const written: Array<Uint8Array> = []
    const listeners = new Set<() => void>()
    let count = 0
    let due = 0
    const theirs = transcript.frames.flatMap(({ dir, hex }) => {
      if (dir === transcript.ours) due += (hex ?? "").length / 2
      return dir === transcript.ours ? [] : [{ due, hex }]
    })
    let said = 0
    const socket: SocketDialer.RawSocket = {
      write: (bytes, onWritten) => {
        written.push(bytes)
        count += bytes.length
        onWritten(true)
        for (const onNews of listeners) onNews()
      },
      take: () => {
        const frame = theirs[said]
        if (frame === undefined || count < frame.due) return undefined
        if (frame.hex === undefined) return "Ended"
        said += 1
        return fromHex(frame.hex)
      },
      listen: (onNews) => {
        listeners.add(onNews)
        return () => listeners.delete(onNews)
      }
    }
    return { socket, written: Effect.sync(() => toHex(concat(...written))) }
  })

/** All that one side sent. */
export const sentBy = (transcript: Transcript, dir: Direction): string =>
  transcript.frames.map((frame) => (frame.dir === dir ? (frame.hex ?? "") : "")).join("")

/** Both sides' streams, cut into acts and frames and decrypted with our keys. */
export const decrypt = (
  transcript: Omit<Transcript, "frames" | "outcome">,
  fromClient: Uint8Array,
  fromTower: Uint8Array
): Either.Either<Record<Direction, ReadonlyArray<FrameOf>>, Noise.BadAct> =>
  Either.gen(function* () {
    const { one, three, two } = Noise.actLength
    const acts = {
      one: fromClient.subarray(0, one),
      two: fromTower.subarray(0, two),
      three: fromClient.subarray(one, one + three)
    }
    const secret = fromHex(transcript.staticPriv)
    const ephemeralSecret = fromHex(transcript.ephemeralPriv)
    const ephemeral = { secret: Redacted.make(ephemeralSecret), publicKey: curve.publicKey(ephemeralSecret) }
    const shared = (point: Uint8Array) => Either.map(curve.ecdh(secret, point), Redacted.make)
    const ciphers = yield* transcript.ours === "client->tower" ? asClient() : asTower()
    return {
      "client->tower": [
        act("client->tower", "act one", acts.one),
        act("client->tower", "act three", acts.three),
        ...frames("client->tower", ciphers.client, fromClient.subarray(one + three))
      ],
      "tower->client": [
        act("tower->client", "act two", acts.two),
        ...frames("tower->client", ciphers.tower, fromTower.subarray(two))
      ]
    }

    function asClient() {
      return Either.gen(function* () {
        const start = Noise.initiator(fromHex(transcript.towerPub))
        const [awaiting] = yield* Noise.writeActOne(curve, start, ephemeral)
        const sending = yield* Noise.readActTwo(curve, awaiting, acts.two)
        const [transport] = Noise.writeActThree(sending, curve.publicKey(secret), yield* shared(sending.point))
        return { client: transport.send, tower: transport.receive }
      })
    }

    function asTower() {
      return Either.gen(function* () {
        const start = Noise.responder(curve.publicKey(secret))
        const checking = yield* Noise.readActOne(curve, start, acts.one)
        const sending = yield* Noise.checkActOne(checking, yield* shared(checking.point))
        const [awaiting] = yield* Noise.writeActTwo(curve, sending, ephemeral)
        const [transport] = yield* Noise.readActThree(curve, awaiting, acts.three)
        return { client: transport.receive, tower: transport.send }
      })
    }
  })

const act = (dir: Direction, what: string, bytes: Uint8Array): FrameOf => ({ dir, what, hex: toHex(bytes) })

/** Cuts a stream of frames where each of them ends. */
const frames = (dir: Direction, cipher: Cipher, bytes: Uint8Array): ReadonlyArray<FrameOf> => {
  const [, bodies] = Frame.push(Frame.decoder(cipher), bytes)
  let start = 0
  return bodies.map((body) => {
    const end = start + Frame.overhead + body.length
    const hex = toHex(bytes.subarray(start, end))
    start = end
    const what = Either.match(Codec.decode(body), { onLeft: ({ reason }) => reason, onRight: ({ _tag }) => _tag })
    return { dir, what, plaintext: toHex(body), hex }
  })
}

/** The transcript of what was noted. */
export const fromLog = (header: Omit<Transcript, "frames">, log: Log): Either.Either<Transcript, Noise.BadAct> => {
  const all = (mine: boolean) =>
    concat(...log.flatMap((one) => (one.mine === mine && one.bytes !== undefined ? [one.bytes] : [])))
  const isClient = header.ours === "client->tower"
  return Either.map(decrypt(header, all(isClient), all(!isClient)), (cut) => {
    // The frames of each side in their order; and the sides as the log has them.
    const left = { "client->tower": [...cut["client->tower"]], "tower->client": [...cut["tower->client"]] }
    const other = isClient ? "tower->client" : "client->tower"
    const done: Array<FrameOf> = []
    const bytes = { "client->tower": 0, "tower->client": 0 }
    for (const { bytes: piece, mine } of log) {
      const dir = mine ? header.ours : other
      if (piece === undefined) {
        done.push({ dir, what: "end" })
        continue
      }
      bytes[dir] += piece.length
      for (let next = left[dir][0]; next?.hex !== undefined && next.hex.length / 2 <= bytes[dir]; next = left[dir][0]) {
        bytes[dir] -= next.hex.length / 2
        done.push(next)
        left[dir].shift()
      }
    }
    return { ...header, frames: done }
  })
}
