/** Conversations of a test with scripted towers. */
import { assert } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Redacted } from "effect"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import type * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { decredMainnet } from "../../../src/schema/Chain.js"
import * as Policy from "../../../src/schema/Policy.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { CreateSession } from "../../../src/schema/wire/CreateSession.js"
import { Init } from "../../../src/schema/wire/Init.js"
import type { TowerTransport } from "../../../src/services/TowerTransport.js"

export const address = TowerAddress.make("10.0.0.1:9911")
export const key = (index: number) => FixedKeyRing.fakeKeyOf({ family: 8, index })
export const tower = (index: number) => FixedKeyRing.fakeKeyOf({ family: 9, index })
export const secret = Redacted.make(new Uint8Array(32))
export const init = new Init({ features: [0], chainHash: decredMainnet.chainHash })
export const createSession = new CreateSession(Policy.defaults(decredMainnet))

export const request = (overrides: Partial<TowerTransport.ConnectRequest<never>> = {}) => ({
  tower: tower(1),
  address,
  publicKey: key(1),
  ecdh: () => Effect.succeed(secret),
  onProgress: () => Effect.void,
  ...overrides
})

/** What a client does with a tower up to its reply, and how long it took. */
export const negotiate = ({ service }: ScriptedTowerTransport.ScriptedTowerTransport, overrides = {}) =>
  Effect.gen(function* () {
    const connection = yield* service.connect(request(overrides))
    yield* connection.send(init)
    const theirs = yield* connection.receive
    yield* connection.send(createSession)
    const reply = yield* connection.receive
    return { theirs, reply, hungUp: yield* connection.isClosed, at: yield* Clock.currentTimeMillis }
  }).pipe(Effect.scoped)

export const run = <A, E>(effect: Effect.Effect<A, E>): A =>
  Exit.getOrElse(VirtualTime.run(effect), (cause) => assert.fail(Cause.pretty(cause)))

export const conversation = (script: TowerScript.Script) => {
  const towers = ScriptedTowerTransport.make(() => script)
  return run(Effect.either(negotiate(towers)))
}

/** The failure of a conversation and when it came. */
export const failure = (script: TowerScript.Script) => {
  const towers = ScriptedTowerTransport.make(() => script)
  const [failed, at] = run(Effect.all([Effect.flip(negotiate(towers)), Clock.currentTimeMillis]))
  const [dial] = towers.dials()
  return { failed, at, sent: dial?.sent.map((message) => message._tag), endedAt: dial?.endedAt }
}
