/**
 * Brontide with the real implementations at the other end: 10,000 messages each way at once, which is 20 keys each way.
 */

import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import * as WasmCurve from "../../src/internal/wasmCurve.js"
import * as Connection from "../../src/layers/brontide/connection.js"
import * as Alarm from "../../src/layers/concurrency/alarm.js"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import { PublicKey } from "../../src/schema/Ids.js"
import { TowerAddress } from "../../src/schema/TowerAddress.js"
import { familyTowerSession } from "../../src/services/KeyRing.js"
import { listen } from "./support/listen.js"
import { note } from "./support/matrix.js"
import * as Program from "./support/program.js"
import * as Tower from "./support/tower.js"

const count = 10_000
const longest = 65_535

const options = Effect.map(Alarm.shared, (alarm) => ({
  address: TowerAddress.make("127.0.0.1:1"),
  curve: WasmCurve.make(),
  alarm,
  handshakeTimeout: Duration.seconds(5),
  // Both sides compute without a pause: on a busy machine one of them may wait for long.
  messageTimeout: Duration.seconds(60)
}))

const staticKey = {
  publicKey: FixedKeyRing.publicKeyOf(1),
  ecdh: (point: PublicKey) => FixedKeyRing.make.ecdh({ family: familyTowerSession, index: 1 }, point)
}

const Way = Schema.Struct({ messages: Schema.Number, bytes: Schema.Number, sha256: Schema.String })
const Exchanged = Schema.Struct({ sent: Way, received: Way })

/** What went one way, in the words of the Go side: the hash is over every message with its length in front. */
const digest = () => {
  const hash = createHash("sha256")
  let messages = 0
  let bytes = 0
  return {
    add: (message: Uint8Array) => {
      const length = new DataView(new ArrayBuffer(4))
      length.setUint32(0, message.length)
      hash.update(new Uint8Array(length.buffer)).update(message)
      messages += 1
      bytes += message.length
    },
    messages: () => messages,
    sum: () => ({ messages, bytes, sha256: hash.digest("hex") })
  }
}

/** A generator of sizes and offsets that is the same in every run (Lehmer, modulus 2^31 - 1). */
const lehmer = (seed: number) => {
  let state = seed
  return (below: number) => {
    state = (state * 48_271) % 0x7fff_ffff
    return state % below
  }
}

const messages = function* (seed: number): Generator<Uint8Array> {
  const random = lehmer(seed)
  const noise = Uint8Array.from({ length: 2 * longest }, () => random(256))
  for (let n = 0; n < count; n += 1) {
    const size = n === 0 ? 0 : n === 1 ? longest : random(longest + 1)
    const start = random(longest)
    yield noise.subarray(start, start + size)
  }
}

/** Sends and reads at the same time; answers both ways. */
const exchange = (connection: Connection.BrontideConnection) =>
  Effect.gen(function* () {
    const sent = digest()
    const received = digest()
    const send = Effect.forEach(
      messages(7),
      (message) => {
        sent.add(message)
        return connection.send(message)
      },
      { discard: true }
    )
    const receive = Effect.repeatN(
      Effect.map(connection.receive, (message) => received.add(message)),
      count - 1
    )
    yield* Effect.all([send, receive], { concurrency: "unbounded", discard: true })
    return { sent: sent.sum(), received: received.sum() }
  })

const compare = (
  ours: { readonly sent: typeof Way.Type; readonly received: typeof Way.Type },
  theirs: typeof Exchanged.Type
) => {
  assert.deepStrictEqual(theirs.received, ours.sent)
  assert.deepStrictEqual(ours.received, theirs.sent)
  assert.strictEqual(ours.sent.messages, count)
  return `${count} messages each way, ${Math.round((ours.sent.bytes + ours.received.bytes) / 1e6)} MB`
}

describe.each(Tower.binaries)("%s", (binary) => {
  it.scopedLive(
    "understands us as the dialling side",
    (context) =>
      Effect.gen(function* () {
        const program = yield* Program.start(binary, "listen", { messages: String(count), seed: "3" })
        const ready = yield* program.event(Schema.Struct({ publicKey: PublicKey, address: TowerAddress }), "ready")
        const socket = yield* NodeSocketDialer.make.dial(ready.address)
        const connection = yield* Connection.initiate(socket, ready.publicKey, staticKey, yield* options)
        const ours = yield* exchange(connection)
        const outcome = compare(ours, yield* program.event(Exchanged, "exchanged"))
        note(context, binary, "-", "brontide, we dial", outcome)
      }),
    300_000
  )

  it.scopedLive(
    "understands us as the listening side",
    (context) =>
      Effect.gen(function* () {
        const { accepted, port } = yield* listen
        const uri = `${staticKey.publicKey}@127.0.0.1:${port}`
        const program = yield* Program.start(binary, "dial", { messages: String(count), seed: "3", uri })
        const socket = yield* NodeSocketDialer.fromSocket(yield* accepted)
        const connection = yield* Connection.accept(socket, staticKey, yield* options)
        const { publicKey } = yield* program.event(Schema.Struct({ publicKey: PublicKey }), "ready")
        assert.strictEqual(connection.remotePublicKey, publicKey)
        const ours = yield* exchange(connection)
        const outcome = compare(ours, yield* program.event(Exchanged, "exchanged"))
        note(context, binary, "-", "brontide, it dials", outcome)
      }),
    300_000
  )
})
