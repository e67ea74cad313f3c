/**
 * The three acts over a socket, both roles (docs/protocol.md, Acts and Timeouts). The pure steps are in
 * `internal/noise`; here they meet the network, the clock and the key ring.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Aead from "../../internal/aead.js"
import { fromHex, toHex } from "../../internal/bytes.js"
import type { Curve } from "../../internal/curve.js"
import * as Noise from "../../internal/noise.js"
import { PublicKey } from "../../schema/Ids.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import { HandshakeFailed, type OtherProtocol } from "../../schema/TransportError.js"
import { Entropy } from "../../services/Entropy.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import type { Alarm } from "../concurrency/alarm.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"
import type { ByteReader } from "../net/byteReader.js"
import { spanWhereTraced } from "../support/spanWhereTraced.js"

/** A static key whose private half stays with its holder. @since 0.1.0 @category models */
export interface StaticKey<E> {
  readonly publicKey: PublicKey
  /** SHA-256 of the compressed product of the key and a point: 32 bytes, which are overwritten when they have been used. */
  readonly ecdh: (point: PublicKey) => Effect.Effect<Redacted.Redacted<Uint8Array>, E>
}

/** The other side of one handshake. @since 0.1.0 @category models */
export interface Peer {
  readonly socket: SocketDialer.RawSocket
  readonly reader: ByteReader
  /** For the errors. */
  readonly address: TowerAddress
  readonly curve: Curve
  readonly timeout: Duration.Duration
  /** For the waits of the handshake and of the messages behind it. */
  readonly alarm: Alarm
}

/** What the handshake gives. @since 0.1.0 @category models */
export interface Handshaken {
  readonly transport: Noise.Transport
  readonly remotePublicKey: PublicKey
  /** Act three, which the initiator has not written yet; empty for the responder. */
  readonly unwritten: Uint8Array
}

/** Remembers that a secret is to be overwritten, and how. */
type Keep = <A>(secret: A, wipe: (secret: A) => void) => A

/** Overwrites what was kept when the handshake is over, whether it succeeds, fails or is interrupted. */
const wiping = <A, E>(handshake: (keep: Keep) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const wipes: Array<() => void> = []
    const keep: Keep = (secret, wipe) => {
      wipes.push(() => wipe(secret))
      return secret
    }
    return Effect.ensuring(
      handshake(keep),
      Effect.sync(() => {
        for (const wipe of wipes) wipe()
      })
    )
  })

const ephemeralKey = ({ curve }: Peer, keep: Keep): Effect.Effect<Noise.EphemeralKey> =>
  Effect.gen(function* () {
    const entropy = yield* Entropy
    const next = Effect.map(entropy.bytes(32), (bytes) => keep(Redacted.make(bytes), Aead.wipe))
    let secret = yield* next
    while (!curve.isSecret(Redacted.value(secret))) secret = yield* next
    return { secret, publicKey: curve.publicKey(Redacted.value(secret)) }
  })

const ownEcdh = <E>(key: StaticKey<E>, point: Uint8Array, keep: Keep) =>
  // Unchecked: the curve has read it as a point.
  Effect.map(key.ecdh(PublicKey.make(toHex(point), { disableValidation: true })), (secret) => keep(secret, Aead.wipe))

const failed =
  (peer: Peer, act: HandshakeFailed["act"]) =>
  (reason: HandshakeFailed["reason"]): HandshakeFailed =>
    new HandshakeFailed({ address: peer.address, act, reason })

const step = <A>(peer: Peer, act: HandshakeFailed["act"], result: Either.Either<A, Noise.BadAct>) =>
  Effect.mapError(result, failed(peer, act))

type State = Parameters<typeof Noise.wipe>[0]

const writeStep = <A extends State>(
  peer: Peer,
  act: HandshakeFailed["act"],
  result: Either.Either<readonly [next: A, act: Uint8Array], Noise.BadAct>,
  keep: Keep
) =>
  Effect.map(step(peer, act, result), (written) => {
    keep(written[0], Noise.wipe)
    return written
  })

const readStep = <A extends State>(
  peer: Peer,
  act: HandshakeFailed["act"],
  result: Either.Either<A, Noise.BadAct>,
  keep: Keep
) => Effect.map(step(peer, act, result), (next) => keep(next, Noise.wipe))

/** How the wait for an act ended. */
type Exchanged = "read" | "unwritten" | "late"

/**
 * Writes an act, which may be nothing, and reads the next one, which must come within the timeout. One wait for both: the
 * answer to an act that could not be written does not come.
 */
const exchange = (
  peer: Peer,
  written: { readonly act: HandshakeFailed["act"]; readonly bytes: Uint8Array } | undefined,
  act: HandshakeFailed["act"],
  length: number
): Effect.Effect<Uint8Array, HandshakeFailed> => {
  const { reader, socket } = peer
  const exchanged = awaitCallback<Exchanged>((resume) => {
    const look = () => {
      if (reader.fill(length)) resume("read")
    }
    const unlisten = socket.listen(look)
    if (written !== undefined) socket.write(written.bytes, (isWritten) => isWritten || resume("unwritten"))
    look()
    const callOff = peer.alarm(peer.timeout, () => resume("late"))
    return () => {
      unlisten()
      callOff()
    }
  })
  return Effect.flatMap(exchanged, (how) => {
    switch (how) {
      case "read":
        return Effect.mapError(reader.exactly(length), failed(peer, act))
      case "unwritten":
        return failed(peer, written?.act ?? act)("Ended")
      case "late":
        return failed(peer, act)("Timeout")
    }
  })
}

/** How other protocols begin that servers speak, or that they answer to bytes that they do not understand. */
const beginnings: ReadonlyArray<readonly [form: RegExp, protocol: OtherProtocol]> = [
  [/^HTTP\//, "HTTP"],
  // An alert or a handshake, in the version of any TLS.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the bytes of the protocol
  [/^[\x15\x16]\x03[\x00-\x04]/, "TLS"],
  [/^SSH-/, "SSH"],
  [/^(220[ -]|\+OK|\* OK)/, "mail or FTP"],
  [/^-(ERR|DENIED)/, "Redis"]
]

/** The failure, with the protocol of these bytes if it is one that we know. */
const speaking = (failure: HandshakeFailed, bytes: Uint8Array): HandshakeFailed => {
  const text = String.fromCharCode(...bytes.subarray(0, 8))
  const speaks = beginnings.find(([form]) => form.test(text))?.[1]
  return speaks === undefined ? failure : new HandshakeFailed({ ...failure, speaks })
}

/**
 * The initiator's side, up to act three, which is written with the first message. Act two must come within the timeout.
 * The static key is used once, after act two is found right; the timeout does not include that.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initiate = <E>(
  peer: Peer,
  remotePublicKey: PublicKey,
  key: StaticKey<E>,
  onActTwo: Effect.Effect<void>
): Effect.Effect<Handshaken, HandshakeFailed | E> =>
  wiping((keep) =>
    Effect.gen(function* () {
      const start = Noise.initiator(fromHex(remotePublicKey))
      const ephemeral = yield* ephemeralKey(peer, keep)
      const [awaitingActTwo, actOne] = yield* writeStep(peer, 1, Noise.writeActOne(peer.curve, start, ephemeral), keep)
      const actTwo = yield* Effect.mapError(
        exchange(peer, { act: 1, bytes: actOne }, 2, Noise.actLength.two),
        // A first message that is shorter than an act, with nothing behind it, identifies the other side as well.
        (failure) => speaking(failure, peer.reader.unread())
      )
      const sendingActThree = yield* Effect.mapError(
        readStep(peer, 2, Noise.readActTwo(peer.curve, awaitingActTwo, actTwo), keep),
        (failure) => speaking(failure, actTwo)
      )
      yield* onActTwo
      const se = yield* ownEcdh(key, sendingActThree.point, keep)
      const [transport, actThree] = Noise.writeActThree(sendingActThree, fromHex(key.publicKey), se)
      return { transport, remotePublicKey, unwritten: actThree }
    })
  ).pipe(spanWhereTraced("watchtower.handshake"))

/**
 * The responder's side. The timeout holds for act one, and again from act two to act three. The result has the
 * initiator's static key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const accept = <E>(peer: Peer, key: StaticKey<E>): Effect.Effect<Handshaken, HandshakeFailed | E> =>
  wiping((keep) =>
    Effect.gen(function* () {
      const actOne = yield* exchange(peer, undefined, 1, Noise.actLength.one)
      const start = Noise.responder(fromHex(key.publicKey))
      const checkingActOne = yield* step(peer, 1, Noise.readActOne(peer.curve, start, actOne))
      const es = yield* ownEcdh(key, checkingActOne.point, keep)
      const sendingActTwo = yield* readStep(peer, 1, Noise.checkActOne(checkingActOne, es), keep)
      const ephemeral = yield* ephemeralKey(peer, keep)
      const [awaitingActThree, actTwo] = yield* writeStep(
        peer,
        2,
        Noise.writeActTwo(peer.curve, sendingActTwo, ephemeral),
        keep
      )
      const actThree = yield* exchange(peer, { act: 2, bytes: actTwo }, 3, Noise.actLength.three)
      const [transport, initiator] = yield* step(peer, 3, Noise.readActThree(peer.curve, awaitingActThree, actThree))
      return { transport, remotePublicKey: PublicKey.make(toHex(initiator)), unwritten: new Uint8Array(0) }
    })
  )
