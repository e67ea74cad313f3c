import { readFileSync } from "node:fs"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck, Redacted } from "effect"
import { concat, fromHex, toHex } from "../../src/internal/bytes.js"
import * as Cipher from "../../src/internal/cipher.js"
import { nobleCurve as curve } from "../../src/internal/nobleCurve.js"
import * as Noise from "../../src/internal/noise.js"
import * as bolt8 from "../conformance/bolt8.js"
import { changes } from "../conformance/changes.js"
import * as transcripts from "../conformance/transcripts.js"

const load = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8"))

const ephemeral = (hex: string): Noise.EphemeralKey => ({
  secret: Redacted.make(fromHex(hex)),
  publicKey: curve.publicKey(fromHex(hex))
})
type Read = (act: Uint8Array) => Either.Either<unknown, Noise.BadAct>
const right = <A>(result: Either.Either<A, string>): A => Either.getOrThrow(result)

const initiatorKey = fromHex("11".repeat(32))
const towerKey = fromHex("21".repeat(32))
const towerPoint = curve.publicKey(towerKey)
const [awaitingActTwo, actOne] = right(
  Noise.writeActOne(curve, Noise.initiator(towerPoint), ephemeral("12".repeat(32)))
)
const checkedActOne = (act: Uint8Array) =>
  Either.flatMap(Noise.readActOne(curve, Noise.responder(towerPoint), act), (checking) =>
    Noise.checkActOne(checking, Redacted.make(right(curve.ecdh(towerKey, checking.point))))
  )
const [awaitingActThree, actTwo] = right(
  Noise.writeActTwo(curve, right(checkedActOne(actOne)), ephemeral("22".repeat(32)))
)
const sendingActThree = right(Noise.readActTwo(curve, awaitingActTwo, actTwo))
const [ours, actThree] = Noise.writeActThree(
  sendingActThree,
  curve.publicKey(initiatorKey),
  Redacted.make(right(curve.ecdh(initiatorKey, sendingActThree.point)))
)

const readActOne: Read = checkedActOne
const readActTwo: Read = (act) => Noise.readActTwo(curve, awaitingActTwo, act)
const readActThree: Read = (act) => Noise.readActThree(curve, awaitingActThree, act)
const reads: ReadonlyArray<readonly [name: string, act: Uint8Array, read: Read]> = [
  ["act one", actOne, readActOne],
  ["act two", actTwo, readActTwo],
  ["act three", actThree, readActThree]
]

describe("noise", () => {
  it("begins each handshake from the initial state, also when the state of an earlier one was overwritten", () => {
    for (const state of [Noise.initiator(towerPoint), Noise.responder(towerPoint)]) Noise.wipe(state)
    const [, act] = right(Noise.writeActOne(curve, Noise.initiator(towerPoint), ephemeral("12".repeat(32))))
    assert.deepStrictEqual(act, actOne)
    assert.isTrue(Either.isRight(checkedActOne(act)))
  })

  describe("BOLT-8 vectors", () => {
    const results = bolt8.check(load("bolt8-vectors.json"))
    it("are all there", () => assert.strictEqual(results.length, 1 + 15 + 1))
    for (const { detail, name, ok } of results) it(name, () => assert.isTrue(ok, detail))
  })

  describe("recorded negotiations", () => {
    const results = transcripts.check(load("session-transcripts.json"))
    it("are all there", () => assert.strictEqual(results.length, 2))
    for (const { detail, name, ok } of results) it(name, () => assert.isTrue(ok, detail))
  })

  for (const [name, act, read] of reads) {
    describe(name, () => {
      it("is refused with any bit changed", () => {
        for (let i = 0; i < act.length; i++) {
          const changed = Uint8Array.from(act)
          changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8))
          assert.isTrue(Either.isLeft(read(changed)), `byte ${i}`)
        }
      })

      it("is refused at any other length", () => {
        for (let length = 0; length < act.length; length++) {
          assert.isTrue(Either.isLeft(read(act.subarray(0, length))), `${length} bytes`)
        }
        assert.isTrue(Either.isLeft(read(concat(act, new Uint8Array(1)))))
      })

      it("is never made of random bytes", () => {
        FastCheck.assert(
          FastCheck.property(FastCheck.uint8Array({ minLength: act.length, maxLength: act.length }), (bytes) => {
            // The version and a valid point get past the first two checks, so that the tag is what is tested.
            const likely = concat(act.subarray(0, 34), bytes.subarray(34))
            return Either.isLeft(read(bytes)) && Either.isLeft(read(likely))
          }),
          { numRuns: 20 }
        )
      })
    })
  }

  it("checks the version before the key, and the key before the tag", () => {
    const bad = (version: number, prefix: number) => {
      const act = new Uint8Array(50)
      act.set([version, prefix])
      return act
    }
    for (const read of [readActOne, readActTwo]) {
      assert.deepStrictEqual(Either.flip(read(bad(1, 4))), Either.right("BadVersion" as const))
      assert.deepStrictEqual(Either.flip(read(bad(0, 4))), Either.right("BadKey" as const))
    }
  })

  it("does not write act one to a key that is no point", () => {
    const start = Noise.initiator(fromHex(`02${"00".repeat(31)}05`))
    assert.deepStrictEqual(
      Either.flip(Noise.writeActOne(curve, start, ephemeral("12".repeat(32)))),
      Either.right("BadKey" as const)
    )
  })

  it("shows no secret when it is printed", () => {
    const keys = [ours.send.key, ours.receive.key, ours.send.chainingKey].map((key) => key.bytes())
    const states = [awaitingActTwo, sendingActThree, awaitingActThree, ours]
    for (const state of states) {
      assert.include(JSON.stringify(state), "<redacted>")
      const printed = [
        JSON.stringify(state),
        inspect(state, { depth: 9, showHidden: true, getters: true }).replaceAll(/\s/g, "")
      ]
      for (const secret of [...keys, fromHex("12".repeat(32)), fromHex("22".repeat(32))]) {
        for (const text of printed) {
          assert.notInclude(text, toHex(secret))
          assert.notInclude(text, secret.join(","))
          assert.notInclude(text, JSON.stringify(secret).slice(1, -1))
        }
      }
    }
  })

  it("keeps the two directions apart, each with its own chaining key, over rotations of both", () => {
    const [theirs] = right(Noise.readActThree(curve, awaitingActThree, actThree))
    let [a, b] = [ours, theirs]
    const random = FastCheck.sample(FastCheck.boolean(), { numRuns: 5000, seed: 1 })
    let turns = 0
    for (const [i, fromA] of random.entries()) {
      const text = new Uint8Array([i >> 8, i & 0xff])
      const [sender, receiver] = fromA ? [a, b] : [b, a]
      const [send, sealed] = Cipher.encrypt(sender.send, text)
      const [receive, opened] = right(Cipher.decrypt(receiver.receive, sealed))
      assert.deepStrictEqual(opened, text)
      if (send.nonce === 0) turns++
      const [nextSender, nextReceiver] = [
        { ...sender, send },
        { ...receiver, receive }
      ]
      ;[a, b] = fromA ? [nextSender, nextReceiver] : [nextReceiver, nextSender]
    }
    assert.isAtLeast(turns, 4)
    assert.notDeepEqual(a.send.chainingKey.bytes(), a.receive.chainingKey.bytes())
  })
})

describe("conformance checks", () => {
  const unnoticed = (json: unknown, check: typeof bolt8.check) =>
    changes(json)
      .filter((change) => check(change.json).every(({ ok }) => ok))
      .map(({ path }) => path)
  const file = bolt8.decode(load("bolt8-vectors.json"))
  // What is read in the failing cases is input: it is wrong already, and may be wrong in another way.
  const handshakes = { initiator: [file.initiator[0]], responder: [file.responder[0]] }
  const { messageEncryption } = file

  it("notice each changed digit of a handshake", () => {
    const few = { outputs: messageEncryption.outputs.slice(0, 2), rotations: [], messages_sent: 2 }
    const json = { ...file, ...handshakes, messageEncryption: { ...messageEncryption, ...few } }
    assert.deepStrictEqual(
      bolt8.check(json).filter(({ ok }) => !ok),
      []
    )
    assert.deepStrictEqual(unnoticed(json, bolt8.check), [])
  })

  it("notice each changed digit of the messages", () => {
    const found = changes(messageEncryption).filter(({ json }) =>
      bolt8.check({ ...file, ...handshakes, messageEncryption: json }).every(({ ok }) => ok)
    )
    assert.deepStrictEqual(
      found.map(({ path }) => path),
      []
    )
  })

  it("notice another outcome", () => {
    for (const role of ["initiator", "responder"] as const) {
      for (const [i, item] of file[role].entries()) {
        const expect = item.expect === "OK" ? "ACT2_BAD_TAG" : "OK"
        const results = bolt8.check({
          ...file,
          [role]: (file[role] as ReadonlyArray<unknown>).with(i, { ...item, expect })
        })
        assert.deepStrictEqual(
          results.filter(({ ok }) => !ok).map(({ name }) => name),
          [item.name]
        )
      }
    }
  })

  it("notice each changed digit of a recorded negotiation", () =>
    assert.deepStrictEqual(unnoticed(load("session-transcripts.json"), transcripts.check), []))

  it("refuse what is no such file", () => {
    for (const check of [bolt8.check, transcripts.check]) {
      assert.isTrue([undefined, {}, [], { transcripts: [] }].every((json) => check(json).some(({ ok }) => !ok)))
    }
  })
})
