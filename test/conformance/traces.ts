/**
 * Checks a recorded run (`traces/*.json`): the real negotiator of dcrlnd v0.7.6 under a virtual clock, against ours with
 * `Rules.reference` (vectors/README). Pure.
 */
import { Cause, Exit, Schema } from "effect"
import { agreed, differs, type Result } from "./result.js"
import { type Event, Trace } from "./traces/file.js"
import { type Replay, replay } from "./traces/replay.js"

/** One text for one event: its fields in the order of their names. */
const print = (event: Event | undefined): string =>
  event === undefined
    ? "nothing"
    : JSON.stringify(Object.fromEntries(Object.entries(event).toSorted(([one], [other]) => (one < other ? -1 : 1))))

/**
 * Event by event, time by time. The reference goes on for a while after Stop, ours has stopped: that is where we are better
 * on purpose, and the one thing that is not compared.
 */
const compare = (
  name: string,
  stopAt: number,
  recorded: ReadonlyArray<Event>,
  actual: ReadonlyArray<Event>
): Result => {
  const expected = recorded.filter((event) => event.t <= stopAt)
  for (let at = 0; at < Math.max(expected.length, actual.length); at++) {
    const [theirs, ours] = [print(expected[at]), print(actual[at])]
    if (theirs === ours) continue
    const before = at === 0 ? "" : `, after ${print(expected[at - 1])}`
    return differs(name, `event ${at + 1} of ${expected.length}: expected ${theirs}, got ${ours}${before}`)
  }
  return agreed(name)
}

const compareAll = (name: string, trace: Trace, ours: Replay): Array<Result> => {
  const { stopAtMs } = trace.scenario
  const stop = `${name} stop`
  return [
    compare(`${name} negotiator`, stopAtMs, trace.negotiator, ours.negotiator),
    compare(`${name} delivered`, stopAtMs, trace.delivered, ours.delivered),
    ours.stoppedAt === stopAtMs && ours.open === 0
      ? agreed(stop)
      : differs(stop, `stopped at ${ours.stoppedAt} ms instead of ${stopAtMs}, with ${ours.open} open connections`)
  ]
}

/** Replays the run of a file and compares what the negotiator did, what was delivered, and that it stopped at once. */
export const check = (json: unknown, name: string): Array<Result> => {
  const trace = Schema.decodeUnknownEither(Trace)(json)
  if (trace._tag === "Left") return [differs(name, trace.left.message)]
  return Exit.match(replay(trace.right.scenario), {
    onFailure: (cause) => [differs(name, Cause.pretty(cause))],
    onSuccess: (ours) => compareAll(name, trace.right, ours)
  })
}
