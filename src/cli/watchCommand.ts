/** `wtclient watch`: the status as it changes. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Terminal from "@effect/platform/Terminal"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { ClientDb } from "../services/ClientDb.js"
import { type ClientPaths, clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { news } from "./support/news.js"
import { existingDatabase } from "./support/openDatabase.js"
import { paced } from "./support/paced.js"
import { policyFlags, policyWords, proposalOf } from "./support/policyFlags.js"
import * as RunningService from "./support/runningService.js"
import * as Screen from "./support/screen.js"
import { loadStatus, type Status, statusJson, statusLines } from "./support/status.js"
import { summaries } from "./support/summaries.js"
import { json, time } from "./support/views.js"

/** A status, and what is new in it. `recent`: what was new until now, the newest last. */
interface Seen {
  readonly status: Status
  readonly isFirst: boolean
  readonly lines: ReadonlyArray<string>
  readonly recent: ReadonlyArray<string>
}

/** More lines than a terminal has. */
const mostRecent = 200

const seen = <E, R>(statuses: Stream.Stream<Status, E, R>): Stream.Stream<Seen, E, R> =>
  Stream.mapAccum(statuses, Option.none<Seen>(), (before, status) => {
    const lines = Option.match(before, { onNone: () => [], onSome: (last) => news(last.status, status) })
    const dated = lines.map((line) => `${time(status.now)} ${line}`)
    const recent = [...Option.match(before, { onNone: () => [], onSome: (last) => last.recent }), ...dated]
    const next = { status, isFirst: Option.isNone(before), lines: dated, recent: recent.slice(-mostRecent) }
    return [Option.some(next), next]
  })

/** Shows statuses: on a terminal each takes the place of the one before, elsewhere what is new in each is printed. */
const show = <E, R>(statuses: Stream.Stream<Status, E, R>, client: ClientPaths, isJson: boolean) =>
  Effect.gen(function* () {
    const found = seen(statuses)
    const whole = ({ status }: Seen) => statusLines(status, client.chain, client.command)
    if (isJson) {
      return yield* Stream.runForEach(found, ({ isFirst, lines, status }) =>
        isFirst || lines.length > 0 ? Console.log(json(statusJson(status))) : Effect.void
      )
    }
    const { isTTY } = yield* Terminal.Terminal
    if (!(yield* isTTY)) {
      return yield* Stream.runForEach(found, (one) => {
        const lines = one.isFirst ? whole(one) : one.lines
        return lines.length === 0 ? Effect.void : Console.log(lines.join("\n"))
      })
    }
    const draw = yield* Screen.make
    yield* Stream.runForEach(found, (one) =>
      draw((rows) => {
        const above = [...whole(one), ""]
        // A long status leaves a third of the terminal to what happens.
        const room = Math.max(rows - above.length, Math.min(one.recent.length, Math.floor(rows / 3)))
        const recent = room > 0 ? one.recent.slice(-room) : []
        return [...above.slice(0, rows - recent.length), ...recent]
      })
    )
  }).pipe(Effect.scoped)

/** The command. @since 0.1.0 @category constructors */
export const watch = Command.make("watch", { ...clientFlags, ...policyFlags, json: flags.switches.json }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const db = yield* ClientDb
      const proposal = yield* proposalOf(given, client.chain)
      const countSessions = yield* paced(db.countClientSessions)
      // Another process that holds the database for a while is no reason to end.
      const status = Effect.retry(loadStatus(db, proposal, policyWords(given), countSessions), {
        while: ({ _tag }) => _tag === "DatabaseBusy",
        schedule: Schedule.spaced("1 second")
      })
      // A service may start and stop meanwhile.
      const withService = Effect.zipWith(status, RunningService.status(client), (stored, service) => ({
        ...stored,
        service: Option.getOrUndefined(service)
      }))
      yield* show(Stream.repeatEffectWithSchedule(withService, Schedule.spaced("1 second")), client, given.json)
    }).pipe(Effect.provide(existingDatabase(client)))
  )
).pipe(Command.withDescription(summaries.watch))
