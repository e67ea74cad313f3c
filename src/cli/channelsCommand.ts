/** `wtclient channels`: lists the channels, and how far the backups of their states are. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { ChannelSummary } from "../schema/StoredBackup.js"
import { BackupDb } from "../services/BackupDb.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { existingDatabase } from "./support/openDatabase.js"
import * as Pages from "./support/pages.js"
import { summaries } from "./support/summaries.js"
import type { Column } from "./support/table.js"
import { json, short } from "./support/views.js"

const channelJson = ({ channel, ...summary }: ChannelSummary) => ({ ...channel, ...summary })

const columnsOf = (isFull: boolean): ReadonlyArray<Column<ChannelSummary>> => [
  [
    ["CHANNEL", ({ channel }) => (isFull ? channel.id : short(channel.id))],
    ["CHANNEL", ({ channel }) => short(channel.id, 8)]
  ],
  [["TYPE", ({ channel }) => channel.type]],
  [["STATUS", ({ isClosed }) => (isClosed ? "closed" : "open")]],
  [
    ["HANDED IN", ({ handedIn }) => String(handedIn)],
    ["STATES", ({ handedIn }) => String(handedIn)]
  ],
  [
    ["WITH ALL COPIES", ({ complete }) => String(complete)],
    ["COMPLETE", ({ complete }) => String(complete)]
  ],
  [["MISSING", ({ missing }) => String(missing)]],
  [["INELIGIBLE", ({ ineligible }) => String(ineligible)]],
  [["LOST", ({ lost }) => String(lost)]]
]

const lists = ({ channel }: ChannelSummary) => `lists the channels, up to ${short(channel.id)}`

/** The command. @since 0.1.0 @category constructors */
export const channels = Command.make(
  "channels",
  { ...clientFlags, full: flags.switches.full, json: flags.switches.json },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const db = yield* BackupDb
        const found = Pages.allPages(db.listChannels, ({ channel }) => channel.id)
        if (given.json) return yield* Pages.printArray(found, (one) => json(channelJson(one)), { lists })
        const columns = columnsOf(given.full)
        const areThere = yield* Pages.printTable(found, { columns, isFull: given.full, lists })
        if (!areThere) yield* Console.log("There are no channels. The node's program registers them.")
      }).pipe(Effect.provide(existingDatabase(client)))
    )
).pipe(Command.withDescription(summaries.channels))
