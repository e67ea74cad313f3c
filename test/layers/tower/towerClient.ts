/** A client's side of the talk, step by step, for tests of towers. */
import { Effect, Redacted } from "effect"
import { fromHex, toHex } from "../../../src/internal/bytes.js"
import { nobleCurve } from "../../../src/internal/nobleCurve.js"
import * as BlobType from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { HexBytes, Hint, PublicKey, SessionId } from "../../../src/schema/Ids.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { CreateSession } from "../../../src/schema/wire/CreateSession.js"
import { Init } from "../../../src/schema/wire/Init.js"
import type { Message } from "../../../src/schema/wire/Message.js"
import { StateUpdate } from "../../../src/schema/wire/StateUpdate.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"

/** A secret of the session key with this number. */
export const secretOf = (key: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? key : 1))

export const publicKeyOf = (key: number): PublicKey => PublicKey.make(toHex(nobleCurve.publicKey(secretOf(key))))

export const sessionIdOf = (key: number): SessionId => SessionId.make(publicKeyOf(key))

export const chain = Chain.bitcoinRegtest

export const init = new Init({ features: [0], chainHash: chain.chainHash })

export const create = (change: Partial<CreateSession> = {}): CreateSession =>
  new CreateSession({
    blobType: BlobType.altruistCommit,
    maxUpdates: 1024,
    rewardBase: 0,
    rewardRate: 0,
    sweepFeeRate: 2500n,
    ...change
  })

export const update = (seqNum: number, lastApplied: number, isComplete = 0, blobBytes = 314): StateUpdate =>
  new StateUpdate({
    seqNum,
    lastApplied,
    isComplete,
    hint: Hint.make("00".repeat(16)),
    encryptedBlob: HexBytes.make("00".repeat(blobBytes))
  })

/** A scoped connection with the session key of this number. */
export const connect = (tower: PublicKey, key: number, address: TowerAddress = TowerAddress.make("tower.example:1")) =>
  Effect.flatMap(TowerTransport, (transport) =>
    transport.connect({
      tower,
      address,
      publicKey: publicKeyOf(key),
      ecdh: (point) => Effect.orDie(Effect.map(nobleCurve.ecdh(secretOf(key), fromHex(point)), Redacted.make)),
      onProgress: () => Effect.void
    })
  )

/** One message as a short text; the end, however it came, as `end`. */
export const receive = (connection: TowerTransport.Connection): Effect.Effect<string> =>
  connection.receive.pipe(
    Effect.map(brief),
    Effect.catchAll((error) => Effect.succeed(error._tag === "ConnectionEnded" ? "end" : error._tag))
  )

const brief = (message: Message): string => {
  switch (message._tag) {
    case "Init":
      return `Init ${message.features.join(",")}`
    case "CreateSessionReply":
      return [message.code, message.lastApplied, ...(message.data === "" ? [] : [message.data])].join(" ")
    case "StateUpdateReply":
      return `${message.code} ${message.lastApplied}`
    case "DeleteSessionReply":
      return `${message.code}`
    default:
      return message._tag
  }
}

/** A whole connection: sends the messages one by one, and answers everything that came until the end. */
export const talk = (tower: PublicKey, key: number, messages: ReadonlyArray<Message>, address?: TowerAddress) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* connect(tower, key, address)
      const came: Array<string> = []
      for (const message of messages) {
        yield* Effect.ignore(connection.send(message))
        if (came.at(-1) !== "end") came.push(yield* receive(connection))
      }
      if (came.at(-1) !== "end") came.push(yield* receive(connection))
      return came.join(" | ")
    })
  )
