/**
 * `BackupDb` over the tables of a database that is migrated.
 *
 * @since 0.1.0
 */
import type { BackupDb } from "../../services/BackupDb.js"
import * as summaries from "./backupSummaries.js"
import { addBackup, addIneligible, findState, loadState } from "./backupTable.js"
import { closeChannel, loadChannel, registerChannel } from "./channelTable.js"
import { towerNeeds } from "./openBackups.js"
import { dropSenderLease, renewSenderLease, takeSenderLease } from "./senderTable.js"
import * as sending from "./sendingTable.js"
import type { Database } from "./transaction.js"
import { nextWindow } from "./updateTable.js"

/** @since 0.1.0 @category constructors */
export const make = (database: Database): BackupDb.Service => ({
  registerChannel: registerChannel(database),
  closeChannel: closeChannel(database),
  loadChannel: loadChannel(database),
  listChannels: summaries.listChannels(database),
  summarize: summaries.summarize(database),
  findState: findState(database),
  loadState: loadState(database),
  addBackup: addBackup(database),
  addIneligible: addIneligible(database),
  progress: summaries.progress(database),
  takeSenderLease: takeSenderLease(database),
  renewSenderLease: renewSenderLease(database),
  dropSenderLease: dropSenderLease(database),
  backlog: summaries.backlog(database),
  missing: summaries.missing(database),
  endedSessions: sending.endedSessions(database),
  listSending: sending.listSending(database),
  listAcked: sending.listAcked(database),
  towerNeeds: towerNeeds(database),
  nextWindow: nextWindow(database),
  endSession: sending.endSession(database),
  noteFailure: sending.noteFailure(database),
  noteRefusal: sending.noteRefusal(database),
  terminateSession: sending.terminateSession(database)
})
