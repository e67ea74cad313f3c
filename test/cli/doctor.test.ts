import type * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Option, Redacted, Schema, type Scope, TestClock } from "effect"
import { nobleCurve } from "../../src/internal/nobleCurve.js"
import * as Brontide from "../../src/layers/brontide/connection.js"
import * as Alarm from "../../src/layers/concurrency/alarm.js"
import { faultOf, verdictOf } from "../../src/layers/doctor/diagnosis.js"
import * as NodeSocketDialer from "../../src/layers/NodeSocketDialer.js"
import * as RawSocket from "../../src/layers/net/rawSocket.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as LoopbackTower from "../../src/layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as BlobType from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import { HexBytes } from "../../src/schema/Ids.js"
import { KeyRingError } from "../../src/schema/KeyRingError.js"
import * as TowerAddress from "../../src/schema/TowerAddress.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import * as Code from "../../src/schema/wire/Code.js"
import { CreateSessionReply } from "../../src/schema/wire/CreateSessionReply.js"
import { DeleteSessionReply } from "../../src/schema/wire/DeleteSessionReply.js"
import { ErrorMessage } from "../../src/schema/wire/ErrorMessage.js"
import type { Message } from "../../src/schema/wire/Message.js"
import type { SocketDialer } from "../../src/services/SocketDialer.js"
import { turns } from "../layers/net/sockets.js"
import { assertForm } from "./sentences.js"
import { answering, greeting, hangingUp, stranger } from "./strangers.js"
import { newClient } from "./wtclient.js"

const key = FixedKeyRing.publicKeyOf(1)
const onion = "4acth47i6kxnvkewtm6q7ib2s3ufpo5sqbsnzjpbi7utijcltosqemad.onion"

const Answer = Schema.parseJson(
  Schema.Struct({ fault: Schema.String, verdict: Schema.String, chain: Schema.optional(Schema.String) })
)

const asked = (uri: string, ...flags: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { wtclient } = yield* newClient
    const { code, stderr, stdout } = yield* wtclient("doctor", uri, "--json", ...flags)
    return { code, stderr, ...Schema.decodeUnknownSync(Answer)(stdout) }
  })

const loopback = (options: Partial<NodeLoopbackTower.Options> = {}) =>
  Effect.map(
    NodeLoopbackTower.make({
      chain: Chain.bitcoinRegtest,
      secretKey: Redacted.make(FixedKeyRing.secretOf(1)),
      ...options
    }),
    ({ uri }) => TowerUri.print(uri)
  )

type Handshaken = (
  connection: Effect.Effect.Success<ReturnType<typeof Brontide.accept>>,
  raw: SocketDialer.RawSocket
) => Effect.Effect<unknown, unknown>

/** A server that has the right key and does this when the client's Init is there. */
const shakingHands = (then: Handshaken) =>
  Effect.map(
    stranger((socket: Net.Socket) => {
      const conversation = Effect.gen(function* () {
        const raw = yield* NodeSocketDialer.fromSocket(socket)
        const locator = { family: 8, index: 1 } as const
        const connection = yield* Brontide.accept(
          raw,
          { publicKey: key, ecdh: (point) => FixedKeyRing.make.ecdh(locator, point) },
          {
            address: TowerAddress.TowerAddress.make("127.0.0.1:1"),
            curve: nobleCurve,
            alarm: yield* Alarm.shared,
            handshakeTimeout: Duration.seconds(5),
            messageTimeout: Duration.seconds(5)
          }
        )
        yield* connection.receive
        yield* then(connection, raw)
      })
      Effect.runFork(Effect.scoped(conversation))
    }),
    (address) => `${key}@${address}`
  )

/** A server that has the right key and says this behind the handshake, or hangs up. */
const handshaking = (body?: Uint8Array) =>
  shakingHands((connection) =>
    body === undefined ? Effect.void : Effect.zipRight(connection.send(body), connection.closed)
  )

/** A proxy that answers each message with the next of these. */
const proxy = (...answers: ReadonlyArray<ReadonlyArray<number>>) =>
  stranger((socket) => {
    const left = [...answers]
    socket.on("data", () => {
      const next = left.shift()
      if (next === undefined) socket.end()
      else socket.write(Uint8Array.from(next))
    })
  })

/** What a proxy says that takes a login. */
const login = [5, 2]

const at = (address: Effect.Effect<string, never, Scope.Scope>) => Effect.map(address, (address) => `${key}@${address}`)

describe("wtclient doctor", () => {
  it.scopedLive("finds nothing wrong with a tower, and says what it saw", () =>
    Effect.gen(function* () {
      const uri = yield* loopback()
      const { wtclient } = yield* newClient
      const { code, stderr, stdout } = yield* wtclient("doctor", uri)
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(
        stdout,
        /^127\.0\.0\.1:\d+ is an IPv4 address\nafter \d+ ms: connected\nafter \d+ ms: .* secret key .*\nafter \d+ ms: .* Init\nit watches bitcoin regtest, and announces these feature bits: 1, 3\nThis is a tower of this chain, and its key is right\.\n$/
      )
      assert.deepInclude(yield* asked(uri), { code: 0, stderr: "", fault: "none", chain: "bitcoin regtest" })
    })
  )

  const real: Array<[fault: string, uri: Effect.Effect<string, unknown, Scope.Scope>]> = [
    ["Closed", Effect.succeed(`${key}@127.0.0.1:1`)],
    ["OnionWithoutProxy", Effect.succeed(`${key}@${onion}`)],
    ["SpeaksHTTP", at(answering("HTTP/1.1 400 Bad Request\r\n\r\n"))],
    ["SpeaksTLS", at(answering(Uint8Array.of(21, 3, 1, 0, 2, 2, 70)))],
    ["SpeaksSSH", at(greeting("SSH-2.0-OpenSSH_9.2p1\r\n"))],
    ["SpeaksMail", at(greeting("220 mail.example ESMTP\r\n"))],
    ["SpeaksRedis", at(answering("-ERR unknown command\r\n"))],
    ["NotBrontide", at(answering("x".repeat(60)))],
    ["WrongKey", at(hangingUp)],
    ["LightningNode", handshaking(Uint8Array.of(0, 16, 0, 0, 0, 0))],
    ["Malformed", handshaking(Uint8Array.of(2, 88))],
    ["NoInit", handshaking(Uint8Array.of(2, 91, 0, 0, 0, 0, 0))],
    ["TowerErrorMessage", handshaking(Uint8Array.of(2, 89, 0, 40, 0, 2, 104, 105))],
    [
      "Garbled",
      shakingHands((connection, raw) => Effect.zipRight(RawSocket.write(raw, new Uint8Array(64)), connection.closed))
    ],
    ["HungUp", handshaking()],
    ["WrongChain", loopback({ chain: Chain.bitcoinSignet })],
    ["UnknownRequiredFeature", loopback({ features: [1, 3, 100] })],
    ["NoAltruistSessions", loopback({ features: [3] })],
    ["NoBlobType", loopback({ features: [1] })]
  ]
  for (const [fault, uri] of real) {
    it.scopedLive(`finds ${fault}`, () =>
      Effect.gen(function* () {
        const found = yield* asked(yield* uri)
        assert.deepInclude(found, { fault, code: 1 })
        const [said, ...next] = found.stderr.trimEnd().split("\n")
        assert.strictEqual(said, `wtclient: ${found.verdict}`)
        // What can be done about the others is not done with this program.
        assert.lengthOf(next, fault === "OnionWithoutProxy" ? 1 : 0)
      })
    )
  }

  it.scopedLive("says how an onion name is asked for through a proxy", () =>
    Effect.gen(function* () {
      const { stderr } = yield* asked(`${key}@${onion}`, "--blob-type", "legacy")
      assert.match(
        stderr,
        new RegExp(
          `\nNext: wtclient doctor ${key}@${onion} --proxy 127\\.0\\.0\\.1:9050 --blob-type legacy --network regtest --data-dir \\S+\n$`
        )
      )
    })
  )

  /** Servers that leave their client waiting; `reached` is called when they have what they do not answer. */
  const waiting: Array<
    [fault: string, uri: (reached: () => void) => Effect.Effect<ReadonlyArray<string>, unknown, Scope.Scope>]
  > = [
    ["Mute", (reached) => Effect.map(at(stranger((socket) => socket.once("data", reached))), (uri) => [uri])],
    [
      "NoInit",
      (reached) =>
        Effect.map(
          shakingHands((connection) => Effect.zipRight(Effect.sync(reached), connection.closed)),
          (uri) => [uri]
        )
    ],
    [
      "ProxySilent",
      (reached) =>
        Effect.map(
          stranger((socket) => socket.once("data", reached)),
          (address) => [`${key}@${onion}`, "--proxy", address]
        )
    ],
    [
      "ProxyLate",
      (reached) =>
        Effect.map(
          stranger((socket) => {
            const answers = [login, [1, 0]]
            socket.on("data", () => {
              const next = answers.shift()
              if (next === undefined) reached()
              else socket.write(Uint8Array.from(next))
            })
          }),
          (address) => [`${key}@${onion}`, "--proxy", address]
        )
    ]
  ]
  for (const [fault, words] of waiting) {
    it.scoped(`finds ${fault}, when its time is up`, () =>
      Effect.gen(function* () {
        const reached = yield* Deferred.make<void>()
        const [uri = "", ...flags] = yield* words(() => Deferred.unsafeDone(reached, Effect.void))
        const asking = yield* Effect.fork(asked(uri, ...flags))
        yield* Deferred.await(reached)
        yield* Effect.repeat(Effect.zipRight(TestClock.adjust("1 second"), turns(1)), {
          until: () => Effect.map(Fiber.poll(asking), Option.isSome)
        })
        const found = yield* Fiber.join(asking)
        assert.deepInclude(found, { fault, code: 1 })
        assertForm(found.verdict)
      })
    )
  }

  const Sessions = Schema.parseJson(
    Schema.Struct({
      fault: Schema.String,
      verdict: Schema.String,
      sessions: Schema.Array(
        Schema.Struct({
          blobTypeName: Schema.String,
          given: Schema.Boolean,
          deleted: Schema.Boolean,
          message: Schema.optional(Schema.String)
        })
      )
    })
  )

  /** What --create finds at a tower, and the sessions that the tower has afterwards. */
  const created = (
    options: Partial<NodeLoopbackTower.Options>,
    fault: LoopbackTower.Fault | undefined,
    ...flags: ReadonlyArray<string>
  ) =>
    Effect.gen(function* () {
      const tower = yield* NodeLoopbackTower.make({
        chain: Chain.bitcoinRegtest,
        secretKey: Redacted.make(FixedKeyRing.secretOf(1)),
        ...options
      })
      yield* tower.setFault(fault)
      const { wtclient } = yield* newClient
      const { code, stdout } = yield* wtclient("doctor", TowerUri.print(tower.uri), "--create", "--json", ...flags)
      return { code, left: (yield* tower.sessions).size, ...Schema.decodeUnknownSync(Sessions)(stdout) }
    })

  it.scopedLive("asks for a session of each blob type with --create, and deletes it again", () =>
    Effect.gen(function* () {
      const { code, fault, left, sessions, verdict } = yield* created(
        { blobTypes: [BlobType.altruistAnchorCommit, BlobType.altruistTaprootCommit] },
        undefined
      )
      assert.deepStrictEqual([code, fault, left], [0, "none", 0])
      assert.match(verdict, /it gives sessions of type anchor, taproot\.$/)
      assert.deepStrictEqual(
        sessions.map(({ blobTypeName, deleted, given }) => [blobTypeName, given, deleted]),
        [
          ["anchor", true, true],
          ["legacy", false, false],
          ["taproot", true, true],
          ["taproot-final", false, false]
        ]
      )
      for (const { message } of sessions) if (message !== undefined) assertForm(message)
    })
  )

  it.scopedLive("asks for a session of one blob type where that is named", () =>
    Effect.gen(function* () {
      const { code, fault, sessions } = yield* created(
        { blobTypes: [BlobType.altruistAnchorCommit] },
        undefined,
        "--blob-type",
        "taproot"
      )
      assert.deepStrictEqual([code, fault], [1, "RejectBlobType"])
      assert.deepStrictEqual(
        sessions.map(({ blobTypeName, given }) => [blobTypeName, given]),
        [["taproot", false]]
      )
    })
  )

  const refusal = (code: number) => new CreateSessionReply({ code, lastApplied: 0, data: HexBytes.make("") })
  const replies: Array<[fault: string, of: "CreateSession" | "DeleteSession", reply: Message]> = [
    ["Rejected", "CreateSession", refusal(Code.temporaryFailure)],
    ["PermanentFailure", "CreateSession", refusal(Code.permanentFailure)],
    ["RejectMaxUpdates", "CreateSession", refusal(Code.rejectMaxUpdates)],
    ["RejectRewardRate", "CreateSession", refusal(Code.rejectRewardRate)],
    ["TowerErrorMessage", "CreateSession", new ErrorMessage({ code: 40, data: HexBytes.make("6869") })],
    ["RejectSweepFeeRate", "CreateSession", refusal(Code.rejectSweepFeeRate)],
    [
      "SessionKeyAlreadyUsed",
      "CreateSession",
      new CreateSessionReply({ code: Code.alreadyExists, lastApplied: 5, data: HexBytes.make("") })
    ],
    [
      "RewardScriptTooLong",
      "CreateSession",
      new CreateSessionReply({ code: Code.ok, lastApplied: 0, data: HexBytes.make("00".repeat(1025)) })
    ],
    ["NoReply", "CreateSession", new DeleteSessionReply({ code: Code.ok })],
    ["NotDeleted", "DeleteSession", new DeleteSessionReply({ code: Code.temporaryFailure })]
  ]
  for (const [fault, request, reply] of replies) {
    it.scopedLive(`finds ${fault} with --create`, () =>
      Effect.gen(function* () {
        const replace = LoopbackTower.Fault.Replace({
          with: (message) => (message._tag === `${request}Reply` ? reply : message)
        })
        const found = yield* created({}, replace, "--blob-type", "anchor")
        assert.deepInclude(found, { fault, code: 1 })
        assertForm(found.verdict)
      })
    )
  }

  it.scopedLive("says how long it takes to connect to each address of a name", () =>
    Effect.gen(function* () {
      const uri = (yield* loopback()).replace("127.0.0.1", "localhost")
      const { wtclient } = yield* newClient
      const { stdout } = yield* wtclient("doctor", uri)
      assert.match(stdout, /^localhost:\d+ is a host name\n(?:::1: .*\n)?127\.0\.0\.1: connected after \d+ ms\nafter /)
    })
  )

  /** The codes of RFC 1928, and those of Tor. */
  const replyCodes = {
    ProxyGeneralFailure: 1,
    ProxyNotAllowed: 2,
    ProxyNetworkUnreachable: 3,
    ProxyHostUnreachable: 4,
    ProxyRefused: 5,
    ProxyTimedOut: 6,
    ProxyNoConnections: 7,
    ProxyNoSuchAddresses: 8,
    ProxyOnionNotFound: 0xf0,
    ProxyOnionInvalid: 0xf1,
    ProxyOnionIntroFailed: 0xf2,
    ProxyOnionRendezvousFailed: 0xf3,
    ProxyOnionNeedsKey: 0xf4,
    ProxyOnionWrongKey: 0xf5,
    ProxyOnionBadAddress: 0xf6,
    ProxyOnionTimeout: 0xf7,
    ProxyUnknown: 99
  }
  const proxies: ReadonlyArray<readonly [fault: string, proxy: Effect.Effect<string, never, Scope.Scope>]> = [
    ["ProxyNotThere", Effect.succeed("127.0.0.1:1")],
    ["ProxyNotSocks", answering("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["ProxyHungUp", hangingUp],
    ["ProxyNoLogin", proxy([5, 255])],
    ["ProxyLoginRefused", proxy(login, [1, 1])],
    ...Object.entries(replyCodes).map(
      ([fault, code]) => [fault, proxy(login, [1, 0], [5, code, 0, 1, 0, 0, 0, 0, 0, 0])] as const
    )
  ]
  for (const [fault, proxy] of proxies) {
    it.scopedLive(`finds ${fault}, and names the proxy`, () =>
      Effect.gen(function* () {
        const address = yield* proxy
        const found = yield* asked(`${key}@${onion}`, "--proxy", address)
        assert.deepInclude(found, { fault, code: 1 })
        assert.include(found.verdict, `The proxy ${address} `)
      })
    )
  }

  // Of the seeds of a key that is thrown away one in 2^127 has none: it can only be made up. What a network, a name server or
  // this machine brings is met in test/integration/net/doctor.test.ts.
  it("calls it KeyRing where the key that is thrown away cannot be used", () => {
    const failure = new KeyRingError({ operation: "ecdh", detail: "there is no key" })
    assert.strictEqual(faultOf({ failure, missing: [] }), "KeyRing")
    assertForm(verdictOf({ failure, missing: [] }, "anchor"))
  })
})
