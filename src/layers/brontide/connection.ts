/**
 * A brontide connection over a raw socket, both roles: the handshake, then bodies of messages each way.
 *
 * One fiber in the connection's scope reads ahead of `receive`, up to a bound; then it pauses, and the socket holds the
 * other side back. So the other side's end is seen although no caller is in `receive`, and the messages before it are kept.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { concat } from "../../internal/bytes.js"
import * as Cipher from "../../internal/cipher.js"
import type { Curve } from "../../internal/curve.js"
import * as Frame from "../../internal/frame.js"
import type { PublicKey } from "../../schema/Ids.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import { ConnectionEnded, GarbledFrame, type HandshakeFailed, MessageTimeout } from "../../schema/TransportError.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import { within } from "../concurrency/firstOf.js"
import * as Mutex from "../concurrency/mutex.js"
import * as ByteReader from "../net/byteReader.js"
import * as BodyInbox from "./bodyInbox.js"
import * as Handshake from "./handshake.js"

/** The other side's address, for the errors, the curve of the handshake, and the time limits. @since 0.1.0 @category models */
export interface Options {
  readonly address: TowerAddress
  readonly curve: Curve
  readonly handshakeTimeout: Duration.Duration
  readonly messageTimeout: Duration.Duration
}

/** An established connection. @since 0.1.0 @category models */
export interface BrontideConnection {
  readonly remotePublicKey: PublicKey
  /**
   * Hands a body of at most 65,535 bytes to the network; a longer one is a defect. A failed write fails here only when
   * nothing is left to be read; otherwise `receive` answers what had arrived, and then fails.
   */
  readonly send: (body: Uint8Array) => Effect.Effect<void, ConnectionEnded | MessageTimeout>
  /** The next body. The time limit covers the wait for all of its bytes. */
  readonly receive: Effect.Effect<Uint8Array, ConnectionEnded | MessageTimeout | GarbledFrame>
  /** Ends when the other side's end has been seen. */
  readonly closed: Effect.Effect<void>
  /** Whether the other side's end has been seen. */
  readonly isClosed: Effect.Effect<boolean>
}

const nothing = new Uint8Array(0)

/** The bytes of frames that may wait for `receive` before reading pauses: two of the longest frames. */
const readAhead = 2 * Frame.maxFrame

const establish = (
  peer: Handshake.Peer,
  { remotePublicKey, transport, ...handshaken }: Handshake.Handshaken,
  { address, messageTimeout }: Options
): Effect.Effect<BrontideConnection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const inbox = BodyInbox.make<ConnectionEnded | GarbledFrame>(readAhead, Frame.overhead)
    const closed = yield* Effect.makeLatch(false)
    let isClosed = false

    // Undefined once the keys are overwritten: a later write would seal its body with a key of zeros.
    let sending: Cipher.Cipher | undefined = transport.send
    let decoder = Frame.decoder(transport.receive)
    // Added before the reader is forked, so that it runs after the reader has ended: the reader uses these keys.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (sending !== undefined) Cipher.wipe(sending)
        sending = undefined
        Cipher.wipe(decoder.cipher)
      })
    )

    const readFrames = Effect.gen(function* () {
      while (decoder._tag === "Reading") {
        yield* inbox.room
        const [next, bodies] = Frame.push(decoder, yield* peer.reader.next)
        inbox.offer(bodies)
        decoder = next
      }
      return yield* new GarbledFrame({ address })
    }).pipe(
      Effect.catchIf(
        (error) => error === "Ended",
        () =>
          Effect.suspend(() => {
            isClosed = true
            return Effect.andThen(closed.open, new ConnectionEnded({ address }))
          })
      ),
      Effect.catchAllCause((cause) => Effect.sync(() => inbox.end(Effect.failCause(cause)))),
      // The scope closes: a fiber that waits in `receive` would wait for ever.
      Effect.onInterrupt(() => Effect.sync(() => inbox.end(new ConnectionEnded({ address }))))
    )
    // Interruptible even where the caller is not: otherwise closing the scope would wait until the other side says something.
    yield* Effect.forkScoped(Effect.interruptible(readFrames))

    let { unwritten } = handshaken
    const inOrder = Mutex.make()
    /** Writes what is still unwritten, and then the frame of the body. */
    const write = (body?: Uint8Array) =>
      Effect.suspend(() => {
        if (sending === undefined) return Effect.succeed(false)
        const [next, frame] = body === undefined ? ([sending, nothing] as const) : Frame.encrypt(sending, body)
        const bytes = concat(unwritten, frame)
        sending = next
        unwritten = nothing
        return bytes.length === 0 ? Effect.succeed(true) : peer.socket.write(bytes)
      })
    // The first message mostly follows at once, and act three leaves in the same write. When no message follows in this turn
    // of the event loop, act three leaves alone. If that write fails, the reader sees the end.
    if (unwritten.length > 0) {
      yield* Effect.forkScoped(Effect.interruptible(Effect.andThen(Effect.sleep(0), inOrder(write()))))
    }
    const writeFailed = Effect.andThen(
      inbox.ready,
      Effect.suspend(() => (inbox.isEmpty() ? new ConnectionEnded({ address }) : Effect.void))
    )
    const late = (direction: MessageTimeout["direction"]) => new MessageTimeout({ address, direction })

    return {
      remotePublicKey,
      send: (body) =>
        within(
          Effect.flatMap(inOrder(write(body)), (written) => (written ? Effect.void : writeFailed)),
          messageTimeout,
          () => late("send")
        ),
      receive: Effect.andThen(inbox.readyWithin(Duration.toMillis(messageTimeout)), (ready) =>
        ready ? inbox.take : late("receive")
      ),
      closed: closed.await,
      isClosed: Effect.sync(() => isClosed)
    }
  })

const peerOf = (socket: SocketDialer.RawSocket, { address, curve, handshakeTimeout }: Options): Handshake.Peer => ({
  socket,
  reader: ByteReader.make(socket),
  address,
  curve,
  timeout: handshakeTimeout
})

/**
 * The initiator's side; it knows the other's static key. `onActTwo` runs when act two is found right, before the ECDH with
 * our own key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initiate = <E>(
  socket: SocketDialer.RawSocket,
  remotePublicKey: PublicKey,
  key: Handshake.StaticKey<E>,
  options: Options & { readonly onActTwo?: Effect.Effect<void> | undefined }
): Effect.Effect<BrontideConnection, HandshakeFailed | E, Scope.Scope> =>
  Effect.gen(function* () {
    const peer = peerOf(socket, options)
    const handshaken = yield* Handshake.initiate(peer, remotePublicKey, key, options.onActTwo ?? Effect.void)
    return yield* establish(peer, handshaken, options)
  })

/**
 * The responder's side; it learns the other's static key from act three.
 *
 * @since 0.1.0
 * @category constructors
 */
export const accept = <E>(
  socket: SocketDialer.RawSocket,
  key: Handshake.StaticKey<E>,
  options: Options
): Effect.Effect<BrontideConnection, HandshakeFailed | E, Scope.Scope> =>
  Effect.gen(function* () {
    const peer = peerOf(socket, options)
    const handshaken = yield* Handshake.accept(peer, key)
    return yield* establish(peer, handshaken, options)
  })
