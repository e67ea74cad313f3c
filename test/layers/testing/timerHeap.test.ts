import { assert, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as timerHeap from "../../../src/layers/testing/timerHeap.js"

const operation = FastCheck.oneof(
  { weight: 3, arbitrary: FastCheck.record({ add: FastCheck.integer({ min: 0, max: 20 }) }) },
  { weight: 1, arbitrary: FastCheck.record({ remove: FastCheck.nat() }) },
  { weight: 1, arbitrary: FastCheck.constant("pop" as const) }
)

it("agrees with a sorted list, whatever is added, cancelled and taken", () => {
  FastCheck.assert(
    FastCheck.property(FastCheck.array(operation, { maxLength: 200 }), (operations) => {
      const heap = timerHeap.make()
      let model: Array<timerHeap.Timer> = []
      const sorted = () => model.toSorted((a, b) => a.at - b.at || a.number - b.number)
      for (const next of operations) {
        if (next === "pop") {
          const first = heap.peek()
          assert.strictEqual(first, sorted()[0])
          if (first !== undefined) assert.isTrue(heap.remove(first))
          model = model.filter((timer) => timer !== first)
        } else if ("add" in next) {
          model.push(heap.add(next.add, () => {}))
        } else {
          const victim = model[next.remove % Math.max(1, model.length)]
          if (victim === undefined) continue
          assert.isTrue(heap.remove(victim))
          assert.isFalse(heap.remove(victim))
          model = model.filter((timer) => timer !== victim)
        }
        assert.strictEqual(heap.size(), model.length)
      }
      const drained: Array<timerHeap.Timer> = []
      for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
        heap.remove(first)
        drained.push(first)
      }
      assert.deepStrictEqual(
        drained.map((timer) => timer.number),
        sorted().map((timer) => timer.number)
      )
    })
  )
})
