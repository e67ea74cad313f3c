/**
 * Our side of a transcript: the negotiator or the loopback tower, over a socket of which one end is given.
 */
import { Effect, Either, Redacted } from "effect"
import { fromHex } from "../../../src/internal/bytes.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { BlobType } from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { PublicKey, SessionId } from "../../../src/schema/Ids.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { Entropy } from "../../../src/services/Entropy.js"
import type { SocketDialer } from "../../../src/services/SocketDialer.js"
import * as Client from "./client.js"
import * as Outcome from "./outcome.js"
import { replaying, type Transcript } from "./transcript.js"

/** What our side has to know beforehand. */
export type Header = Omit<Transcript, "frames" | "outcome">

const fixedEntropy = (header: Header): Entropy.Service => ({
  bytes: () => Effect.sync(() => fromHex(header.ephemeralPriv))
})

const chainOf = ({ chain }: Header): Effect.Effect<Chain.AnyChain> =>
  Effect.orDie(Chain.find(chain.name, chain.network))

/** One round of a negotiator; one key, one connection. */
export const negotiate = (header: Header, dialer: SocketDialer.Service) =>
  Effect.gen(function* () {
    const chain = yield* chainOf(header)
    const client = yield* Client.make({ dialer })
    yield* client.add({
      publicKey: PublicKey.make(header.towerPub),
      address: TowerAddress.make("127.0.0.1:9911")
    })
    const proposal = Client.proposal(chain, { blobType: BlobType.make(header.blobType) })
    const negotiator = yield* client.negotiator({ ...proposal, firstKeyIndex: header.keyIndex, maxKeyAttempts: 1 })
    const end = yield* Effect.either(negotiator.negotiate)
    if (Either.isRight(end)) {
      const { keyIndex, rewardPkScript } = end.right
      return `session under key ${keyIndex}, reward script ${rewardPkScript === "" ? "empty" : rewardPkScript}`
    }
    return Outcome.ofRound(end)
  }).pipe(Effect.scoped, Effect.provideService(Entropy, fixedEntropy(header)))

/** One connection at a tower. */
export const serve = (header: Header, socket: SocketDialer.RawSocket, close: Effect.Effect<void> = Effect.void) =>
  Effect.gen(function* () {
    const chain = yield* chainOf(header)
    const tower = yield* LoopbackTower.make({ chain, secretKey: Redacted.make(fromHex(header.staticPriv)) })
    yield* tower.serve({ ...socket, close })
    const session = (yield* tower.sessions).get(SessionId.make(header.sessionPub_sessionId))
    return session === undefined ? "no session" : `session of type ${session.policy.blobType}`
  }).pipe(Effect.provideService(Entropy, fixedEntropy(header)))

/** Our side again, with the other side as it was noted: how it ends, and all that we sent. */
export const replay = (transcript: Transcript) =>
  Effect.gen(function* () {
    const { socket, written } = yield* replaying(transcript)
    const outcome = yield* transcript.ours === "client->tower"
      ? negotiate(transcript, { route: "clear", dial: () => Effect.succeed(socket) })
      : serve(transcript, socket)
    return { outcome, sent: yield* written }
  })
