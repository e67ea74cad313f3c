/**
 * A brontide connection over a raw socket, both roles: the handshake, then bodies of messages each way.
 *
 * What comes is decoded when the socket calls back, ahead of `receive`, up to a bound; then reading pauses, and the socket holds
 * the other side back. So the other side's end is seen although no caller is in `receive`, and the messages before it are
 * kept; and no fiber has to wait for bytes.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { concat } from "../../internal/bytes.js"
import * as Cipher from "../../internal/cipher.js"
import type { Curve } from "../../internal/curve.js"
import * as Frame from "../../internal/frame.js"
import type { PublicKey } from "../../schema/Ids.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import { ConnectionEnded, GarbledFrame, type HandshakeFailed, MessageTimeout } from "../../schema/TransportError.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import type { Alarm } from "../concurrency/alarm.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"
import * as Inbox from "../concurrency/inbox.js"
import * as ByteReader from "../net/byteReader.js"
import * as Handshake from "./handshake.js"

/**
 * The other side's address, for the errors, the curve of the handshake, and the time limits with the alarm that they are set on.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly address: TowerAddress
  readonly curve: Curve
  readonly alarm: Alarm
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

/** A connection, and how to close it; without the socket, which the caller's scope owns. */
const open = (
  peer: Handshake.Peer,
  { remotePublicKey, transport, ...handshaken }: Handshake.Handshaken,
  { address, messageTimeout }: Options,
  later: (task: () => void) => void
): { readonly connection: BrontideConnection; readonly close: () => void } => {
  // Made when it is told: most connections end without anyone in `receive`, and a stack trace costs more than a frame.
  const ended = Effect.suspend(() => new ConnectionEnded({ address }))
  const garbled = Effect.suspend(() => new GarbledFrame({ address }))
  const late = (direction: MessageTimeout["direction"]) => new MessageTimeout({ address, direction })

  // Each body counts with its frame's overhead, so that empty ones cost too.
  let unread = 0
  let isPaused = false
  const inbox = Inbox.make<Uint8Array, ConnectionEnded | GarbledFrame>({
    alarm: peer.alarm,
    onTake: (body) => {
      unread -= Frame.overhead + body.length
      if (isPaused) read()
    }
  })
  const closed = Effect.unsafeMakeLatch(false)
  let isClosed = false
  // From then on nothing is read: the keys are wrong, or overwritten.
  let hasEnded = false
  const end = (how: Effect.Effect<never, ConnectionEnded | GarbledFrame>) => {
    if (!hasEnded) inbox.end(how)
    hasEnded = true
  }

  let decoder = Frame.decoder(transport.receive)
  const readFrames = () => {
    while (!hasEnded) {
      if (decoder._tag === "Broken") return end(garbled)
      isPaused = unread >= readAhead
      if (isPaused) return
      const bytes = peer.reader.take()
      if (bytes === undefined) return
      if (bytes === "Ended") {
        isClosed = true
        closed.unsafeOpen()
        return end(ended)
      }
      const [next, bodies] = Frame.push(decoder, bytes)
      decoder = next
      for (const body of bodies) {
        unread += Frame.overhead + body.length
        inbox.offer(body)
      }
    }
  }
  /** In a call of the socket or of the scheduler a bug that is thrown would end the process, or all that the scheduler has to do. */
  const guarded = (step: () => void) => () => {
    try {
      step()
    } catch (bug) {
      end(Effect.die(bug))
    }
  }
  const read = guarded(readFrames)
  const unlisten = peer.socket.listen(read)
  read()

  // Undefined once the keys are overwritten: a later write would seal its body with a key of zeros.
  let sending: Cipher.Cipher | undefined = transport.send
  let { unwritten } = handshaken
  /**
   * Writes what is still unwritten, and then the frame of the body. Sealed and handed over in one step: frames leave in the order
   * of their numbers.
   */
  const write = (onWritten: (isWritten: boolean) => void, body?: Uint8Array) => {
    if (sending === undefined) return onWritten(false)
    const [next, frame] = body === undefined ? ([sending, nothing] as const) : Frame.encrypt(sending, body)
    const bytes = concat(unwritten, frame)
    sending = next
    unwritten = nothing
    return bytes.length === 0 ? onWritten(true) : peer.socket.write(bytes, onWritten)
  }
  // The first message mostly follows at once, and act three leaves in the same write. When no message follows before the next task of
  // the scheduler, act three leaves alone. If that write fails, the reader sees the end.
  if (unwritten.length > 0) later(guarded(() => write(() => {})))

  const written = (body: Uint8Array) =>
    awaitCallback<boolean | undefined>((resume) => {
      let isTold = false
      write((isWritten) => {
        isTold = true
        resume(isWritten)
      }, body)
      return isTold ? () => {} : peer.alarm(messageTimeout, () => resume(undefined))
    })
  const readyInTime = inbox.readyWithin(Duration.toMillis(messageTimeout))
  const writeFailed = Effect.flatMap(readyInTime, (ready): Effect.Effect<void, ConnectionEnded | MessageTimeout> => {
    if (!ready) return late("send")
    return inbox.isEmpty() ? ended : Effect.void
  })

  return {
    connection: {
      remotePublicKey,
      send: (body) =>
        Effect.flatMap(written(body), (isWritten): Effect.Effect<void, ConnectionEnded | MessageTimeout> => {
          if (isWritten === undefined) return late("send")
          return isWritten ? Effect.void : writeFailed
        }),
      receive: Effect.flatMap(readyInTime, (ready): BrontideConnection["receive"] =>
        ready ? inbox.take : late("receive")
      ),
      closed: closed.await,
      isClosed: Effect.sync(() => isClosed)
    },
    close: () => {
      unlisten()
      // A fiber that waits in `receive` would wait for ever.
      end(ended)
      if (sending !== undefined) Cipher.wipe(sending)
      sending = undefined
      Cipher.wipe(decoder.cipher)
    }
  }
}

/** Shakes hands, and makes a connection of it that the scope owns. Nothing is left behind when the handshake fails or is interrupted. */
const establish = <E>(
  socket: SocketDialer.RawSocket,
  options: Options,
  handshake: (peer: Handshake.Peer) => Effect.Effect<Handshake.Handshaken, E>
): Effect.Effect<BrontideConnection, E, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) => {
    const { address, alarm, curve, handshakeTimeout: timeout } = options
    const peer = { socket, reader: ByteReader.make(socket), address, curve, timeout, alarm }
    return Effect.flatMap(restore(handshake(peer)), (handshaken) =>
      Effect.withFiberRuntime((fiber) => {
        const later = (task: () => void) => fiber.currentScheduler.scheduleTask(task, 0, fiber)
        const { close, connection } = open(peer, handshaken, options, later)
        return Effect.flatMap(Effect.scope, (scope) =>
          Effect.as(Scope.addFinalizer(scope, Effect.sync(close)), connection)
        )
      })
    )
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
  establish(socket, options, (peer) => Handshake.initiate(peer, remotePublicKey, key, options.onActTwo ?? Effect.void))

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
  establish(socket, options, (peer) => Handshake.accept(peer, key))
