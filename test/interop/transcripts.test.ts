/**
 * Conversations with real peers, noted byte for byte. With RECORD_INTEROP=1 they become the fixtures that
 * `test/integration/real-peers.test.ts` replays.
 */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { toHex } from "../../src/internal/bytes.js"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as Chain from "../../src/schema/Chain.js"
import { KeyIndex } from "../../src/schema/Ids.js"
import type { SocketDialer } from "../../src/services/SocketDialer.js"
import * as Client from "./support/client.js"
import { temporary } from "./support/folder.js"
import * as GoClient from "./support/goClient.js"
import { listen } from "./support/listen.js"
import { note } from "./support/matrix.js"
import * as Replay from "./support/replay.js"
import * as Tower from "./support/tower.js"
import * as Transcript from "./support/transcript.js"

const folder = new URL("../fixtures/interop/", import.meta.url)

/** Keeps them, if this run is to. */
const keep = (name: string, note: string, transcripts: ReadonlyArray<Transcript.Transcript>) =>
  Effect.sync(() => {
    if (process.env.RECORD_INTEROP === undefined) return
    fs.mkdirSync(folder, { recursive: true })
    const text = Schema.encodeSync(Transcript.File)({ note, transcripts })
    fs.writeFileSync(new URL(`${name.replaceAll(" ", "-")}.json`, folder), `${text}\n`)
  })

/** Replays at once what was noted. */
const check = (transcript: Transcript.Transcript) =>
  Effect.gen(function* () {
    const { outcome, sent } = yield* Replay.replay(transcript)
    assert.strictEqual(outcome, transcript.outcome)
    assert.strictEqual(sent, Transcript.sentBy(transcript, transcript.ours))
  })

const ephemeralPriv = toHex(FixedKeyRing.secretOf(2_000_000))

/** Our negotiator at a real tower. */
const negotiateAt = (
  tower: Tower.RealTower,
  chain: Chain.AnyChain,
  fields: { readonly name: string; readonly note: string; readonly keyIndex: number; readonly blobType: number }
) =>
  Effect.gen(function* () {
    const header: Replay.Header = {
      ...fields,
      keyIndex: KeyIndex.make(fields.keyIndex),
      ours: "client->tower",
      chain: { name: chain.name, network: chain.network },
      staticPriv: toHex(FixedKeyRing.secretOf(fields.keyIndex)),
      ephemeralPriv,
      towerPub: tower.publicKey,
      sessionPub_sessionId: FixedKeyRing.publicKeyOf(fields.keyIndex)
    }
    const log: Transcript.Log = []
    const dialer: SocketDialer.Service = {
      route: "clear",
      dial: () => Effect.map(NodeSocketDialer.make.dial(tower.address), (socket) => Transcript.noting(log, socket))
    }
    const outcome = yield* Replay.negotiate(header, dialer)
    const transcript = yield* Transcript.fromLog({ ...header, outcome }, log)
    yield* check(transcript)
    return transcript
  })

describe.each(Tower.binaries)("%s", (binary) => {
  const { accepts, chain } = Tower.kinds[binary]
  const { policy } = Client.proposal(chain)

  it.scopedLive("says the same to a negotiator that is replayed", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const generous = yield* Tower.start(binary, { mode: "reward" })
      const transcripts: Array<Transcript.Transcript> = []
      for (const blobType of accepts) {
        const fields = { name: `type ${blobType}`, note: "the default policy", keyIndex: 100 + blobType, blobType }
        transcripts.push(yield* negotiateAt(tower, chain, fields))
      }
      const refused = { name: "type 3", note: "reward sessions are refused", keyIndex: 103, blobType: 3 }
      transcripts.push(yield* negotiateAt(tower, chain, refused))
      const rewarded = { name: "type 3, reward", note: "a tower built to take rewards", keyIndex: 103, blobType: 3 }
      transcripts.push(yield* negotiateAt(generous, chain, rewarded))

      yield* Client.converse(tower, { keyIndex: 60, chain, request: policy })
      yield* tower.use(FixedKeyRing.publicKeyOf(60), 300)
      const used = { name: "used key", note: "the session of this key had 300 updates", keyIndex: 60, blobType: 2 }
      transcripts.push(yield* negotiateAt(tower, chain, used))

      const otherChain = Chain.all.find((other) => other.name === chain.name && other.network === "mainnet")
      if (otherChain === undefined) return assert.fail("a main network")
      const wrong = { name: "another chain", note: "the client is on the main network", keyIndex: 70, blobType: 2 }
      transcripts.push(yield* negotiateAt(tower, otherChain, wrong))

      yield* keep(tower.version, `Our negotiator and a tower of ${tower.version}.`, transcripts)
      note(context, tower.version, "-", "noted and replayed", `${transcripts.length} conversations`)
    })
  )
})

const clients = [
  { binary: "lnd", chain: Chain.bitcoinRegtest, types: [2, 6, 10, 26] },
  { binary: "dcrlnd", chain: Chain.decredRegnet, types: [2, 6] }
] as const

describe.each(clients)("the client for $chain.name", ({ binary, chain, types }) => {
  it.scopedLive("says the same to a tower that is replayed", (context) =>
    Effect.gen(function* () {
      const transcripts: Array<Transcript.Transcript> = []
      let version = ""
      for (const blobType of types) {
        const towerPub = FixedKeyRing.publicKeyOf(1_000_000)
        const { accepted, port } = yield* listen
        const client = yield* GoClient.start(binary, {
          folder: yield* temporary,
          network: chain.network,
          types: [blobType],
          tower: `${towerPub}@127.0.0.1:${port}`
        })
        version = client.version
        const log: Transcript.Log = []
        const connection = yield* accepted
        const raw = yield* NodeSocketDialer.fromSocket(connection)
        const known: Omit<Replay.Header, "sessionPub_sessionId"> = {
          name: `type ${blobType}`,
          note: "the default policy",
          ours: "tower->client",
          chain: { name: chain.name, network: chain.network },
          keyIndex: KeyIndex.make(1),
          blobType,
          staticPriv: toHex(FixedKeyRing.secretOf(1_000_000)),
          ephemeralPriv,
          towerPub
        }
        const close = Effect.sync(() => connection.destroy())
        const socket = Transcript.noting(log, raw)
        const serving = yield* Effect.fork(Replay.serve({ ...known, sessionPub_sessionId: towerPub }, socket, close))
        const session = yield* client.nextSession
        yield* Fiber.join(serving)
        const header = { ...known, sessionPub_sessionId: session.id, outcome: `session of type ${blobType}` }
        const transcript = yield* Transcript.fromLog(header, log)
        yield* check(transcript)
        transcripts.push(transcript)
      }
      yield* keep(`client-of-${version}`, `A client of ${version} and our loopback tower.`, transcripts)
      note(context, "our loopback tower", types.join(" "), `client of ${version}, noted and replayed`, "the same bytes")
    })
  )
})
