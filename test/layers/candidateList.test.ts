import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as CandidateList from "../../src/layers/candidateList.js"

/**
 * The list of docs/negotiation.md, The reference's candidate list: a queue of elements that are unlinked lazily, a map,
 * and a cursor into the queue. Only one thing differs: an entry that is removed leaves the queue at once, so that no
 * tower is there twice.
 */
const model = () => {
  let queue: Array<number> = []
  const candidates = new Map<number, string>()
  let cursor: number | undefined
  return {
    add: (id: number, value: string) => {
      if (!candidates.has(id)) {
        queue.push(id)
        if (cursor === undefined) cursor = id
      }
      candidates.set(id, value)
    },
    remove: (id: number) => {
      if (!candidates.delete(id)) return
      if (cursor === id) cursor = queue[queue.indexOf(id) + 1]
      queue = queue.filter((one) => one !== id)
    },
    reset: () => {
      cursor = queue[0]
    },
    next: () => {
      const id = cursor
      if (id === undefined) return undefined
      cursor = queue[queue.indexOf(id) + 1]
      return candidates.get(id)
    },
    all: () => queue.map((id) => candidates.get(id))
  }
}

const id = FastCheck.nat(4)
const operation = FastCheck.oneof(
  FastCheck.record({ op: FastCheck.constant("add" as const), id, value: FastCheck.string({ maxLength: 2 }) }),
  FastCheck.record({ op: FastCheck.constant("remove" as const), id }),
  FastCheck.record({ op: FastCheck.constant("next" as const) }),
  FastCheck.record({ op: FastCheck.constant("reset" as const) })
)

describe("candidateList", () => {
  it.prop(
    "walks as the reference's candidate list does",
    { operations: FastCheck.array(operation, { maxLength: 60 }) },
    (input) => {
      const expected = model()
      let list: CandidateList.CandidateList<number, string> = CandidateList.make([])
      let position = CandidateList.start
      for (const step of input.operations) {
        switch (step.op) {
          case "add":
            expected.add(step.id, step.value)
            list = CandidateList.set(list, step.id, step.value)
            break
          case "remove":
            expected.remove(step.id)
            list = CandidateList.remove(list, step.id)
            break
          case "reset":
            expected.reset()
            position = CandidateList.start
            break
          case "next": {
            const [next, value] = CandidateList.next(list, position)
            position = next
            assert.strictEqual(value, expected.next())
          }
        }
        assert.deepStrictEqual(CandidateList.values(list), expected.all())
      }
    }
  )

  it("an entry that comes while the walk stands at the end is its next one", () => {
    const one = CandidateList.make([["a", 1]])
    const [end] = CandidateList.next(one, CandidateList.start)
    const [stillEnd, none] = CandidateList.next(one, end)
    assert.isUndefined(none)
    assert.strictEqual(CandidateList.next(CandidateList.set(one, "b", 2), stillEnd)[1], 2)
  })

  it("what comes after an entry was replaced comes last, and is not passed over", () => {
    const list = CandidateList.make([
      ["a", 1],
      ["b", 2],
      ["c", 3]
    ])
    const changed = CandidateList.set(CandidateList.set(list, "a", 4), "d", 5)
    const walk: Array<number | undefined> = []
    let position = CandidateList.start
    for (let i = 0; i < 5; i++) {
      const [next, value] = CandidateList.next(changed, position)
      position = next
      walk.push(value)
    }
    assert.deepStrictEqual(walk, [4, 2, 3, 5, undefined])
  })

  it("keeps the order it was made in", () => {
    assert.deepStrictEqual(
      CandidateList.values(
        CandidateList.make([
          ["b", 2],
          ["a", 1]
        ])
      ),
      [2, 1]
    )
  })
})
