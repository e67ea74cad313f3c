import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Redacted, Scope } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as NodeSocketDialer from "../../../src/layers/NodeSocketDialer.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../../../src/layers/tower/NodeLoopbackTower.js"
import { hostPort, type TowerAddress } from "../../../src/schema/TowerAddress.js"
import { TowerUri } from "../../../src/schema/TowerUri.js"
import { DeleteSession } from "../../../src/schema/wire/DeleteSession.js"
import {
  chain,
  connect,
  create,
  init,
  publicKeyOf,
  receive,
  secretOf,
  sessionIdOf,
  talk,
  update
} from "./towerClient.js"

const transport = Layer.provide(BrontideTowerTransport.layer(), NodeSocketDialer.layer)
const options = { chain, secretKey: Redacted.make(secretOf(200)) }

const ask = ({ uri }: NodeLoopbackTower.NodeLoopbackTower, key: number, ...messages: Parameters<typeof talk>[2]) =>
  talk(uri.publicKey, key, [init, ...messages], uri.address)

/** Does anybody listen there? */
const listens = (address: TowerAddress): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const socket = Net.connect(hostPort(address))
    socket.once("connect", () => resume(Effect.succeed(true)))
    socket.once("error", () => resume(Effect.succeed(false)))
    return Effect.sync(() => socket.destroy())
  })

/** A client that connects and says nothing; done when it sees the end. */
const mute = (address: TowerAddress) =>
  Effect.gen(function* () {
    const ended = yield* Deferred.make<void>()
    const connected = yield* Deferred.make<void>()
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => Net.connect(hostPort(address))),
      (open) => Effect.sync(() => open.destroy())
    )
    socket.on("error", () => {}).on("data", () => {})
    socket.once("connect", () => Deferred.unsafeDone(connected, Exit.void))
    socket.once("close", () => Deferred.unsafeDone(ended, Exit.void))
    yield* Deferred.await(connected)
    return ended
  })

describe("over real sockets", () => {
  it.scopedLive("sessions are created, used, refused, deleted; the tower hangs up each time", () =>
    Effect.gen(function* () {
      const tower = yield* NodeLoopbackTower.make(options)
      assert.instanceOf(tower.uri, TowerUri)
      assert.strictEqual(tower.uri.publicKey, publicKeyOf(200))
      assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 0 0 | end")
      assert.strictEqual(yield* ask(tower, 1, create({ maxUpdates: 2 })), "Init 1,3 | 0 0 | end")
      assert.strictEqual(yield* ask(tower, 1, update(1, 0), update(2, 1, 1)), "Init 1,3 | 0 1 | 0 2 | end")
      assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 60 2 | end")
      assert.strictEqual(yield* ask(tower, 2, create({ maxUpdates: 0 })), "Init 1,3 | 40 0 | end")
      assert.strictEqual(yield* ask(tower, 2, new DeleteSession()), "Init 1,3 | 80 | end")
      assert.strictEqual(yield* ask(tower, 1, new DeleteSession()), "Init 1,3 | 0 | end")
      assert.strictEqual((yield* tower.sessions).size, 0)
      assert.deepStrictEqual(yield* tower.connections, { served: 7, open: 0, refused: 0 })
    }).pipe(Effect.provide(transport))
  )

  it.scopedLive("a session key has one connection at a time; a client that has seen the end may connect again", () =>
    Effect.gen(function* () {
      const tower = yield* NodeLoopbackTower.make(options)
      const first = yield* connect(tower.uri.publicKey, 1, tower.uri.address)
      yield* first.send(init)
      assert.strictEqual(yield* receive(first), "Init 1,3")
      assert.strictEqual(yield* ask(tower, 1, create()), "end")
      yield* first.send(create())
      assert.strictEqual(yield* receive(first), "0 0")
      yield* first.closed
      for (let i = 0; i < 20; i++) assert.strictEqual(yield* ask(tower, 1, create()), "Init 1,3 | 0 0 | end")
      assert.strictEqual((yield* tower.connections).refused, 1)
    }).pipe(Effect.provide(transport))
  )

  it.scopedLive("a handshake that does not come ends", () =>
    Effect.gen(function* () {
      const tower = yield* NodeLoopbackTower.make({ ...options, handshakeTimeout: "20 millis" })
      const ended = yield* mute(tower.uri.address)
      yield* Deferred.await(ended)
    })
  )
})

describe("its scope", () => {
  it.scopedLive("ends everything at once when it is closed: no program listens, no connection is left", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const stored = yield* Deferred.make<void>()
      const onSession = () => Effect.asVoid(Deferred.succeed(stored, undefined))
      const tower = yield* Scope.extend(NodeLoopbackTower.make({ ...options, onSession }), scope)
      yield* tower.setFault(LoopbackTower.Fault.Silent({ before: "reply" }))
      const hanging = yield* connect(tower.uri.publicKey, 1, tower.uri.address)
      yield* hanging.send(init)
      assert.strictEqual(yield* receive(hanging), "Init 1,3")
      yield* hanging.send(create())
      const silent = yield* Effect.all([mute(tower.uri.address), mute(tower.uri.address)])
      yield* Deferred.await(stored)
      assert.isTrue((yield* tower.sessions).has(sessionIdOf(1)))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* tower.connections).open, 0)
      yield* hanging.closed
      yield* Effect.forEach(silent, Deferred.await)
      assert.isFalse(yield* listens(tower.uri.address))
    }).pipe(Effect.provide(transport))
  )

  it.scopedLive("can be opened again on the same port", () =>
    Effect.gen(function* () {
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const tower = yield* NodeLoopbackTower.make(options)
          yield* ask(tower, 1, create())
          return tower.uri
        })
      )
      const { port } = hostPort(first.address)
      const again = yield* NodeLoopbackTower.make({ ...options, port })
      assert.deepStrictEqual(again.uri, first)
      const error = yield* Effect.flip(NodeLoopbackTower.make({ ...options, port }))
      assert.strictEqual(
        error.message,
        `Cannot listen on 127.0.0.1:${port}: the port is in use. Choose another one, or stop the program that listens there.`
      )
    }).pipe(Effect.provide(transport))
  )
})
