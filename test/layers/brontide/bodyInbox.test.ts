import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as BodyInbox from "../../../src/layers/brontide/bodyInbox.js"

const hasRoom = ({ room }: BodyInbox.BodyInbox<never>) =>
  Effect.gen(function* () {
    const waiting = yield* Effect.fork(room)
    yield* Effect.yieldNow()
    return waiting.unsafePoll() !== null
  })

describe("BodyInbox", () => {
  it.effect.each([0, 10])("of bodies of %i bytes has room as they are taken, however many went through", (length) =>
    Effect.gen(function* () {
      const overhead = 5
      const inbox = BodyInbox.make<never>(3 * (length + overhead), overhead)
      const body = new Uint8Array(length)
      for (let round = 0; round < 10; round++) {
        inbox.offer([body, body])
        assert.isTrue(yield* hasRoom(inbox), `round ${round}, with two of them`)
        inbox.offer([body])
        assert.isFalse(yield* hasRoom(inbox), `round ${round}, with three of them`)
        yield* inbox.take
        assert.isTrue(yield* hasRoom(inbox), `round ${round}, with one taken`)
        yield* Effect.replicateEffect(inbox.take, 2)
      }
    })
  )
})
