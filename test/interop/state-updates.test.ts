/**
 * What real towers answer to updates, and what they keep of them; our loopback tower is told the same and has to do the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Redacted } from "effect"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as BlobType from "../../src/schema/BlobType.js"
import type * as Chain from "../../src/schema/Chain.js"
import { HexBytes, Hint, SessionId } from "../../src/schema/Ids.js"
import { CreateSession } from "../../src/schema/wire/CreateSession.js"
import { DeleteSession } from "../../src/schema/wire/DeleteSession.js"
import { Init } from "../../src/schema/wire/Init.js"
import type { Message } from "../../src/schema/wire/Message.js"
import { StateUpdate } from "../../src/schema/wire/StateUpdate.js"
import * as Client from "./support/client.js"
import { note } from "./support/matrix.js"
import * as Tower from "./support/tower.js"

const keyIndex = 7
const id = SessionId.make(FixedKeyRing.publicKeyOf(keyIndex))

/** The hint of a letter, and a blob that says which one it is. */
const hintOf = (letter: string): Hint => Hint.make(letter.repeat(32))
const letters = ["a", "b", "c", "d"]

interface Fields {
  readonly letter?: string
  readonly blob?: string
  readonly bytes?: number
  readonly isComplete?: number
}

const update = (seqNum: number, lastApplied: number, fields: Fields = {}): StateUpdate => {
  const { bytes = 314, isComplete = 0, letter = "a" } = fields
  const { blob = letter } = fields
  return new StateUpdate({
    seqNum,
    lastApplied,
    isComplete,
    hint: hintOf(letter),
    encryptedBlob: HexBytes.make(blob.repeat(2 * bytes))
  })
}

const create = (chain: Chain.AnyChain, type = 2): CreateSession =>
  new CreateSession({ ...Client.proposal(chain, { blobType: BlobType.BlobType.make(type), maxUpdates: 3 }).policy })

/** One connection, and the codes and numbers that come back. `end`: the tower hangs up instead of a reply, or after the last one. */
interface Talk {
  readonly says: ReadonlyArray<Message>
  readonly hears: string
}

/** On a new session for three updates: what is said in one connection after the other, and what is stored in the end. */
interface Row {
  readonly what: string
  readonly talks: ReadonlyArray<Talk>
  /** Number, hint and blob, each by its letter. */
  readonly stored: ReadonlyArray<string>
}

const one = (hears: string, ...says: ReadonlyArray<Message>): ReadonlyArray<Talk> => [{ says, hears }]

const rows: ReadonlyArray<Row> = [
  {
    what: "one after another, and one too many",
    talks: one(
      "0 1, 0 2, 0 3, 71 0, end",
      update(1, 0),
      update(2, 1, { letter: "b" }),
      update(3, 2, { letter: "c" }),
      update(4, 3, { letter: "d" })
    ),
    stored: ["1 a a", "2 b b", "3 c c"]
  },
  {
    what: "complete ends the connection, and another goes on",
    talks: [
      { says: [update(1, 0, { isComplete: 1 })], hears: "0 1, end" },
      {
        says: [update(2, 1, { letter: "b", isComplete: 2 }), update(3, 2, { letter: "c", isComplete: 1 })],
        hears: "0 2, 0 3, end"
      }
    ],
    stored: ["1 a a", "2 b b", "3 c c"]
  },
  {
    what: "last applied 0 in every one",
    talks: one(
      "0 1, 0 2, 0 3, end",
      update(1, 0),
      update(2, 0, { letter: "b" }),
      update(3, 0, { letter: "c", isComplete: 1 })
    ),
    stored: ["1 a a", "2 b b", "3 c c"]
  },
  {
    what: "the last number again, with the same hint: the last blob is kept",
    talks: one("0 1, 0 1, end", update(1, 0), update(1, 0, { blob: "d", isComplete: 1 })),
    stored: ["1 a d"]
  },
  {
    what: "the last number again, with another hint: both are kept",
    talks: one("0 1, 0 1, end", update(1, 0), update(1, 0, { letter: "b", isComplete: 1 })),
    stored: ["1 a a", "1 b b"]
  },
  {
    what: "the next number with the same hint: it takes the place of the one before",
    talks: one("0 1, 0 2, end", update(1, 0), update(2, 1, { blob: "d", isComplete: 1 })),
    stored: ["2 a d"]
  },
  {
    what: "a number left out",
    talks: one("0 1, 72 0, end", update(1, 0), update(3, 1, { letter: "b" })),
    stored: ["1 a a"]
  },
  {
    what: "a number from before the last",
    talks: one("0 1, 0 2, 72 0, end", update(1, 0), update(2, 0, { letter: "b" }), update(1, 0)),
    stored: ["1 a a", "2 b b"]
  },
  {
    what: "last applied that goes back",
    talks: one("0 1, 0 2, 70 0, end", update(1, 0), update(2, 1, { letter: "b" }), update(3, 0, { letter: "c" })),
    stored: ["1 a a", "2 b b"]
  },
  {
    what: "last applied equal to the number, and greater",
    talks: [...one("50 0, end", update(1, 1)), ...one("50 0, end", update(1, 65_535))],
    stored: []
  },
  { what: "number 0", talks: one("50 0, end", update(0, 0)), stored: [] },
  { what: "number 65,535", talks: one("71 0, end", update(65_535, 0)), stored: [] },
  {
    what: "a blob of another size, also where the number is wrong too",
    talks: [
      ...one("40 0, end", update(1, 0, { bytes: 313 })),
      ...one("40 0, end", update(1, 0, { bytes: 340 })),
      ...one("40 0, end", update(1, 0, { bytes: 0 })),
      ...one("40 0, end", update(9, 9, { bytes: 315 }))
    ],
    stored: []
  },
  {
    what: "a refusal ends the connection, and another goes on",
    talks: [
      ...one("0 1, 72 0, end", update(1, 0), update(3, 0, { letter: "b" }), update(2, 0, { letter: "c" })),
      ...one("0 2, end", update(2, 0, { letter: "c", isComplete: 1 }))
    ],
    stored: ["1 a a", "2 c c"]
  },
  {
    what: "after the session was deleted",
    talks: [
      ...one("0 1, end", update(1, 0, { isComplete: 1 })),
      ...one("0, end", new DeleteSession()),
      ...one("50 0, end", update(2, 1, { letter: "b" })),
      ...one("80, end", new DeleteSession())
    ],
    stored: []
  }
]

/** Says everything that a tower still hears, and tells what came. */
const hold = (tower: Client.Target, chain: Chain.AnyChain, messages: ReadonlyArray<Message>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Client.connect(tower, keyIndex)
      yield* connection.send(new Init({ features: [0], chainHash: chain.chainHash }))
      yield* connection.receive
      const heard: Array<string> = []
      for (const message of messages) {
        // A write that fails is told by the read that follows.
        yield* Effect.ignore(connection.send(message))
        const reply = yield* Effect.either(connection.receive)
        if (Either.isLeft(reply)) break
        heard.push(wordsOf(reply.right))
      }
      yield* connection.closed
      return [...heard, "end"].join(", ")
    })
  )

const wordsOf = (message: Message): string => {
  switch (message._tag) {
    case "StateUpdateReply":
    case "CreateSessionReply":
      return `${message.code} ${message.lastApplied}`
    case "DeleteSessionReply":
      return `${message.code}`
    default:
      return message._tag
  }
}

/** Number, hint and blob in letters, in the order of numbers and hints. */
const inLetters = (updates: ReadonlyArray<Pick<Tower.TowerUpdate, "seqNum" | "hint" | "encryptedBlob">>) =>
  updates
    .map(({ encryptedBlob, hint, seqNum }) => `${seqNum} ${hint.slice(0, 1)} ${encryptedBlob.slice(0, 1)}`)
    .toSorted()

const loopbackFor = (binary: Tower.RealTower["binary"]) =>
  NodeLoopbackTower.make({
    chain: Tower.kinds[binary].chain,
    secretKey: Redacted.make(FixedKeyRing.secretOf(1_000_000)),
    blobTypes: Tower.kinds[binary].accepts.map((type) => BlobType.BlobType.make(type))
  })

describe.each(Tower.binaries)("%s, and our loopback tower", (binary) => {
  const { accepts, chain } = Tower.kinds[binary]

  it.scopedLive("answer the same to updates, and keep the same", (context) =>
    Effect.gen(function* () {
      const real = yield* Tower.start(binary)
      const loopback = yield* loopbackFor(binary)
      const towers = [
        {
          target: real,
          stored: real.updates(letters.map(hintOf)),
          lastApplied: Effect.map(real.sessions, (all) => all.find((session) => session.id === id)?.lastApplied)
        },
        {
          target: loopback.uri,
          stored: loopback.updates(id),
          lastApplied: Effect.map(loopback.sessions, (all) => all.get(id)?.lastApplied)
        }
      ]
      for (const { stored, talks, what } of rows) {
        const last = stored.at(-1)
        for (const tower of towers) {
          yield* hold(tower.target, chain, [new DeleteSession()])
          assert.strictEqual(yield* hold(tower.target, chain, [create(chain)]), "0 0, end")
          for (const { hears, says } of talks) {
            assert.strictEqual(yield* hold(tower.target, chain, says), hears, what)
          }
          assert.deepStrictEqual(inLetters(yield* tower.stored), stored, what)
          const isDeleted = talks.some(({ says }) => says.some(({ _tag }) => _tag === "DeleteSession"))
          assert.strictEqual(
            yield* tower.lastApplied,
            isDeleted ? undefined : last === undefined ? 0 : Number(last.split(" ")[0]),
            what
          )
        }
        note(context, real.version, 2, `updates: ${what}`, talks.map(({ hears }) => hears).join("; "))
      }
    })
  )

  it.scopedLive("answer 32 updates that were sent before the first reply is read", (context) =>
    Effect.gen(function* () {
      const real = yield* Tower.start(binary)
      const loopback = yield* loopbackFor(binary)
      const numbers = Array.from({ length: 32 }, (_, index) => index + 1)
      for (const tower of [real, loopback.uri]) {
        yield* hold(tower, chain, [new CreateSession({ ...create(chain), maxUpdates: 1024 })])
        const heard = yield* Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* Client.connect(tower, keyIndex)
            yield* connection.send(new Init({ features: [0], chainHash: chain.chainHash }))
            yield* Effect.forEach(numbers, (number) => connection.send(update(number, 0)))
            yield* connection.receive
            return yield* Effect.forEach(numbers, () => Effect.map(connection.receive, wordsOf))
          })
        )
        assert.deepStrictEqual(
          heard,
          numbers.map((number) => `0 ${number}`)
        )
      }
      note(context, real.version, 2, "32 updates under way together", "0 1 to 0 32")
    })
  )

  it.scopedLive("take blobs of the session's type alone", (context) =>
    Effect.gen(function* () {
      const real = yield* Tower.start(binary)
      const loopback = yield* loopbackFor(binary)
      for (const type of accepts) {
        const isTaproot = BlobType.has(BlobType.BlobType.make(type), BlobType.flagTaprootChannel)
        for (const tower of [real, loopback.uri]) {
          yield* hold(tower, chain, [new DeleteSession()])
          yield* hold(tower, chain, [create(chain, type)])
          const [right, wrong] = isTaproot ? [340, 314] : [314, 340]
          assert.strictEqual(yield* hold(tower, chain, [update(1, 0, { bytes: wrong })]), "40 0, end")
          assert.strictEqual(yield* hold(tower, chain, [update(1, 0, { bytes: right, isComplete: 1 })]), "0 1, end")
        }
        note(context, real.version, type, "an update with a blob of another type's size", "40 0, end")
      }
    })
  )
})
