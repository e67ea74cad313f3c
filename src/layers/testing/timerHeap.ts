/**
 * Pending timers as a binary heap. It knows the place of each timer, so that a cancelled one is removed at once.
 *
 * @since 0.1.0
 */

/** A timer: when it is due, its number (equal instants fire in the order of their numbers), its task, its place in the heap. @since 0.1.0 @category models */
export interface Timer {
  readonly at: number
  readonly number: number
  readonly task: () => void
  index: number
}

/** The heap. All operations but `size` and `peek` cost the logarithm of its size. @since 0.1.0 @category models */
export interface TimerHeap {
  readonly size: () => number
  /** The timer that is due first. */
  readonly peek: () => Timer | undefined
  readonly add: (at: number, task: () => void) => Timer
  /** Takes a timer out; answers false when it is not there any more. */
  readonly remove: (timer: Timer) => boolean
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.number < b.number)

/** An empty heap. @since 0.1.0 @category constructors */
export const make = (): TimerHeap => {
  const heap: Array<Timer> = []
  let last = 0

  const put = (timer: Timer, index: number) => {
    heap[index] = timer
    timer.index = index
  }

  const rise = (timer: Timer) => {
    let index = timer.index
    while (index > 0) {
      const parent = heap[(index - 1) >> 1]
      if (parent === undefined || !before(timer, parent)) break
      const above = parent.index
      put(parent, index)
      index = above
    }
    put(timer, index)
  }

  const sink = (timer: Timer) => {
    let index = timer.index
    for (;;) {
      const left = heap[2 * index + 1]
      const right = heap[2 * index + 2]
      const child = left !== undefined && right !== undefined && before(right, left) ? right : left
      if (child === undefined || !before(child, timer)) break
      const below = child.index
      put(child, index)
      index = below
    }
    put(timer, index)
  }

  return {
    size: () => heap.length,
    peek: () => heap[0],
    add: (at, task) => {
      const timer: Timer = { at, number: ++last, task, index: heap.length }
      heap.push(timer)
      rise(timer)
      return timer
    },
    remove: (timer) => {
      if (timer.index < 0) return false
      const index = timer.index
      const end = heap.pop()
      timer.index = -1
      if (end !== undefined && end !== timer) {
        put(end, index)
        rise(end)
        sink(end)
      }
      return true
    }
  }
}
