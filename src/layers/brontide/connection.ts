/**
 * A brontide connection over a raw socket, both roles: the handshake, then bodies of messages each way.
 *
 * One fiber, a child of the connection's scope, reads ahead of the taker, up to a bound; beyond it the socket's own
 * back-pressure holds. So the other side's end is seen while nobody receives, and what had arrived before it is kept.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { concat } from "../../internal/bytes.js"
import * as Cipher from "../../internal/cipher.js"
import * as Frame from "../../internal/frame.js"
import type { PublicKey } from "../../schema/Ids.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import { ConnectionEnded, GarbledFrame, type HandshakeFailed, MessageTimeout } from "../../schema/TransportError.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import { within } from "../concurrency/firstOf.js"
import * as Mutex from "../concurrency/mutex.js"
import * as ByteReader from "../net/byteReader.js"
import * as Handshake from "./handshake.js"
import * as Inbox from "./inbox.js"

/** Who is at the other end, for the errors, and how long things may take. @since 0.1.0 @category models */
export interface Options {
  readonly address: TowerAddress
  readonly handshakeTimeout: Duration.Duration
  readonly messageTimeout: Duration.Duration
}

/** An established connection. @since 0.1.0 @category models */
export interface BrontideConnection {
  readonly remotePublicKey: PublicKey
  /**
   * Hands a body of at most 65,535 bytes to the network; a longer one is a bug and dies. A write that fails is told here
   * only when nothing that had arrived is left to be read: until then the end is told by the read that comes to it.
   */
  readonly send: (body: Uint8Array) => Effect.Effect<void, ConnectionEnded | MessageTimeout>
  /** The next body. Its time runs from now to its last byte. */
  readonly receive: Effect.Effect<Uint8Array, ConnectionEnded | MessageTimeout | GarbledFrame>
  /** Comes back when the other side's end was seen. */
  readonly closed: Effect.Effect<void>
  /** Was the other side's end seen? */
  readonly isClosed: Effect.Effect<boolean>
}

const nothing = new Uint8Array(0)

/** So many bytes of frames may wait for their taker before reading pauses: two of the longest. */
const readAhead = 2 * Frame.maxFrame

const establish = (
  peer: Handshake.Peer,
  { remotePublicKey, transport, ...handshaken }: Handshake.Handshaken,
  { address, messageTimeout }: Options
): Effect.Effect<BrontideConnection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const inbox = Inbox.make<ConnectionEnded | GarbledFrame>(readAhead, Frame.overhead)
    const closed = yield* Effect.makeLatch(false)
    let isClosed = false

    // Undefined when the keys were overwritten: nothing may be sealed with zeros.
    let sending: Cipher.Cipher | undefined = transport.send
    let decoder = Frame.decoder(transport.receive)
    // Before the reader is forked, so that it has ended when its keys go.
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
      // A `receive` that still waits when the scope closes would wait for ever.
      Effect.onInterrupt(() => Effect.sync(() => inbox.end(new ConnectionEnded({ address }))))
    )
    // The caller may be uninterruptible; this fiber must not be, or its scope would wait for the other side.
    yield* Effect.forkScoped(Effect.interruptible(readFrames))

    let { unwritten } = handshaken
    const inOrder = Mutex.make()
    /** Writes the frame of a body, and before it what is still unwritten. */
    const write = (body?: Uint8Array) =>
      Effect.suspend(() => {
        if (sending === undefined) return Effect.succeed(false)
        const [next, frame] = body === undefined ? ([sending, nothing] as const) : Frame.encrypt(sending, body)
        const bytes = concat(unwritten, frame)
        sending = next
        unwritten = nothing
        return bytes.length === 0 ? Effect.succeed(true) : peer.socket.write(bytes)
      })
    // The initiator mostly speaks at once: act three leaves in the same write, and alone when nothing comes in this turn of the
    // event loop. That it failed is seen by the reader.
    if (unwritten.length > 0) {
      yield* Effect.forkScoped(Effect.interruptible(Effect.andThen(Effect.sleep(0), inOrder(write()))))
    }
    const writeFailed = Effect.andThen(
      inbox.ready,
      Effect.suspend(() => (inbox.isEmpty() ? new ConnectionEnded({ address }) : Effect.void))
    )
    const inTime = <A, E>(direction: MessageTimeout["direction"], effect: Effect.Effect<A, E>) =>
      within(effect, messageTimeout, () => new MessageTimeout({ address, direction }))

    return {
      remotePublicKey,
      send: (body) =>
        inTime(
          "send",
          Effect.flatMap(inOrder(write(body)), (written) => (written ? Effect.void : writeFailed))
        ),
      receive: inTime("receive", inbox.take),
      closed: closed.await,
      isClosed: Effect.sync(() => isClosed)
    }
  })

const peerOf = (socket: SocketDialer.RawSocket, { address, handshakeTimeout }: Options): Handshake.Peer => ({
  socket,
  reader: ByteReader.make(socket),
  address,
  timeout: handshakeTimeout
})

/**
 * Connects as the initiator, who knows the other's static key. `onActTwo` runs when act two was right, before the own
 * key's ECDH is asked for.
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
 * Answers as the responder, who learns the other's static key from act three.
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
