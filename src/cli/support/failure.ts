/**
 * Every failure of a command in the three forms in which it is told: a sentence for a person, an object for a program, an
 * exit code for the shell. Nothing else in the command line words a failure.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { installCommand } from "../../internal/peers.js"
import { ended } from "../../internal/sentence.js"
import type { ServiceListenFailed } from "../../layers/http/NodeHttpService.js"
import { isPostgres } from "../../layers/sqliteOrPostgres.js"
import type { ListenFailed } from "../../layers/tower/NodeLoopbackTower.js"
import type {
  ChannelClosed,
  ChannelMismatch,
  ChannelNotRegistered,
  CopiesLost,
  OtherTransaction,
  SessionNotFound,
  StateNotHandedIn
} from "../../schema/BackupError.js"
import type {
  DatabaseTooNew,
  DatabaseUnavailable,
  DbError,
  KeyIndexesExhausted,
  LastTowerAddr,
  TowerNotFound,
  UnavailableReason,
  WrongDatabase
} from "../../schema/DbError.js"
import type { Ineligible } from "../../schema/Ineligible.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { NoJusticeTransaction } from "../../schema/JusticeTransaction.js"
import type { KeyFileError } from "../../schema/KeyFileError.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import type { AttemptFailure, NegotiationError } from "../../schema/NegotiationError.js"
import type { PackageMissing } from "../../schema/PackageMissing.js"
import type { InvalidPolicy } from "../../schema/Policy.js"
import type { InvalidRevokedState, SignError } from "../../schema/RevokedState.js"
import type { InvalidTowerAddress } from "../../schema/TowerAddress.js"
import type { InvalidPublicKey, InvalidTowerUri } from "../../schema/TowerUri.js"
import type { CheckFailed, CommandError, UsageError } from "./CliError.js"
import { type ClientFlags, type ClientPaths, clientPaths, type Defaults, databaseName } from "./clientPaths.js"
import { shellWord } from "./commandText.js"
import { lookedAfter } from "./diskTrouble.js"
import { type ExitCode, exitCodes } from "./exitCodes.js"
import { type PolicyFlags, policyWords } from "./policyFlags.js"

/** Everything that a command can fail with. @since 0.1.0 @category errors */
export type Failure =
  | UsageError
  | CommandError
  | CheckFailed
  | DbError
  | DatabaseTooNew
  | WrongDatabase
  | TowerNotFound
  | LastTowerAddr
  | KeyIndexesExhausted
  | KeyFileError
  | KeyRingError
  | PackageMissing
  | InvalidOptions
  | InvalidPolicy
  | InvalidTowerUri
  | InvalidTowerAddress
  | InvalidPublicKey
  | NegotiationError
  | BackupFailure
  | SessionNotFound
  | NoJusticeTransaction
  | ListenFailed
  | ServiceListenFailed

/** What a tower client can refuse. @since 0.1.0 @category errors */
export type BackupFailure =
  | ChannelClosed
  | ChannelMismatch
  | ChannelNotRegistered
  | CopiesLost
  | Ineligible
  | InvalidRevokedState
  | OtherTransaction
  | SignError
  | StateNotHandedIn

/** A failure, and the client and the policy (`policyWords`) that the command was about. @since 0.1.0 @category errors */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly failure: Failure
  readonly client: ClientPaths
  readonly policyWords: ReadonlyArray<string>
}> {}

/** Runs what a command does for the client of these flags. @since 0.1.0 @category combinators */
export const withClient = <A, E extends Failure, R>(
  given: ClientFlags & Partial<PolicyFlags>,
  use: (client: ClientPaths) => Effect.Effect<A, E, R>,
  defaults?: Defaults
): Effect.Effect<A, UsageError | CommandFailed, R> =>
  Effect.flatMap(clientPaths(given, defaults), (client) =>
    Effect.mapError(use(client), (failure: Failure) =>
      failure._tag === "UsageError"
        ? failure
        : new CommandFailed({ failure: lookedAfter(failure, client), client, policyWords: policyWords(given) })
    )
  )

/** A failure as it is told. @since 0.1.0 @category models */
export interface Told {
  readonly tag: string
  readonly sentence: string
  /** Complete commands that lead further. */
  readonly next: ReadonlyArray<string>
  readonly code: ExitCode
  /** Undefined where the result, which is printed already, says it all. */
  readonly json: { readonly error: object } | undefined
}

/** What is said about a failure, besides what it says itself. */
type Words = { readonly sentence: string; readonly next?: ReadonlyArray<string> | undefined }

const wordsOf = ({ client, failure, policyWords }: CommandFailed): Words => {
  const { command } = client
  switch (failure._tag) {
    case "CommandError":
    case "CheckFailed":
      return { sentence: failure.message, next: failure.next }
    case "DatabaseUnavailable":
      return databaseUnavailable(failure, client)
    case "WrongDatabase":
      return { sentence: wrongDatabase(failure, client) }
    case "KeyFileError":
      if (failure.reason === "Missing") {
        return { sentence: `There is no key file ${failure.path}.`, next: [command("init")] }
      }
      return failure.reason === "Readable"
        ? {
            sentence: `The key file ${failure.path} can be read by others. Make it yours alone${failure.path === client.key.path ? ", or allow it with --key-readable-by group (or everyone) where it is mounted as a secret" : ""}.`,
            next: [`chmod 600 ${shellWord(failure.path)}`]
          }
        : { sentence: failure.message }
    case "CorruptRow":
      return { sentence: failure.message, next: [command("db", "check")] }
    case "PackageMissing":
      return {
        sentence: `The package ${failure.package} is not installed, and ${failure.neededBy} needs it.`,
        next: [installCommand(failure.package)]
      }
    case "NoTowerCandidates":
      return failure.quarantined === 0
        ? { sentence: "No active tower is known.", next: [command("add", "PUBLICKEY@HOST")] }
        : { sentence: failure.message, next: [command("status", ...policyWords)] }
    case "FailedNegotiation": {
      const has = (tag: AttemptFailure["_tag"]) => failure.failures.some((one) => one.failure._tag === tag)
      return {
        sentence: failure.message,
        next: [
          // A database that was restored from a copy gives out keys again that the towers know.
          ...(has("SessionKeyAlreadyUsed") ? [command("db", "skip-keys")] : []),
          ...(has("OnionWithoutProxy") ? [command("negotiate", "--proxy", "127.0.0.1:9050", ...policyWords)] : [])
        ]
      }
    }
    case "SessionNotFound":
      return { sentence: failure.message, next: [command("sessions", "--full")] }
    case "TowerNotFound":
      return { sentence: `No tower ${failure.tower} is known.`, next: [command("towers")] }
    case "LastTowerAddr":
      return {
        sentence: `${failure.address} is the last address of tower ${failure.tower}. Add another one first, or remove the tower.`,
        next: [command("add", `${failure.tower}@HOST`), command("remove", failure.tower)]
      }
    default:
      return { sentence: failure.message }
  }
}

const wrongDatabase = ({ names: { expected, found }, what }: WrongDatabase, client: ClientPaths): string => {
  const name = databaseName(client)
  switch (what) {
    case "chain":
      return `The database ${name} belongs to ${found}, not to ${expected}. Use the --chain and --network that it was made with, or another --data-dir.`
    case "key layout":
      return `The database ${name} was made with the key layout ${found}, and the key file ${client.key.path} has the layout ${expected}. Put its own key file there, or use another --data-dir.`
    case "seed":
      return `The database ${name} was made with another seed than that of the key file ${client.key.path}. Put its own key file there, or use another --data-dir.`
  }
}

/** What a person can do about a database that cannot be used. */
const advice: Record<UnavailableReason, string> = {
  DiskFull: "Free some space there, and try again.",
  ReadOnly: "Only the commands that show something, and db check, work there.",
  NotADatabase: "Put a copy of the database back, or move the file away to begin with a new one.",
  Damaged: "Put a copy of the database back, and then give up the keys that it does not know of.",
  CannotOpen: "Is it a file that this account can read and write, in a folder that it can write to?",
  NotAllowed: "Let this account read and write it, and its folder.",
  DiskError: "Look after the disk first: the database may be whole.",
  NoServer: "Is the server there, and is its address in the URL right?",
  WrongLogin: "Correct the user name and the password in the URL.",
  NoSuchDatabase: "Create it there, or correct the name at the end of the URL.",
  NotGranted: "Let it use the first schema of its search_path, and create tables there.",
  NoTls: "",
  WrongCertificate: "",
  DriverMissing: "",
  Other: ""
}

/** On a server the only files of ours are those that the URL names. */
const adviceOnServer: Partial<Record<UnavailableReason, string>> = {
  CannotOpen: "Correct the name of this file in the URL (sslrootcert, sslcert or sslkey).",
  NotAllowed: "Let this account read it."
}

const adviceOf = (reason: UnavailableReason, { database }: ClientPaths): string =>
  (isPostgres(database) ? adviceOnServer[reason] : undefined) ?? advice[reason]

const databaseUnavailable = ({ detail, reason = "Other" }: DatabaseUnavailable, client: ClientPaths): Words => ({
  sentence: `The database ${databaseName(client)} cannot be used: ${detail}. ${adviceOf(reason, client)}`.trimEnd(),
  next: reason === "Damaged" ? [client.command("db", "check"), client.command("db", "skip-keys")] : undefined
})

/** The fields of an error for programs; a cause is for developers and may hold anything. */
const fieldsOf = (error: object): Record<string, unknown> => {
  const { _tag, cause, message, name, stack, ...fields } = JSON.parse(JSON.stringify(error))
  return fields
}

const detailsOf = (failure: Failure): Record<string, unknown> => {
  switch (failure._tag) {
    case "FailedNegotiation":
      return {
        failures: failure.failures.map(({ address, failure, tower, towerId }) => ({
          // First: a failure can have a field of the same name, such as the key of a tower that was removed.
          ...fieldsOf(failure),
          tower: { id: towerId, publicKey: tower },
          address,
          tag: failure._tag,
          message: failure.message
        }))
      }
    case "CommandError":
    case "CheckFailed":
    case "UsageError":
      return {}
    default:
      return fieldsOf(failure)
  }
}

const toldOf = (tag: string, { next = [], sentence: text }: Words, details: object, code: ExitCode): Told => {
  const sentence = ended(text)
  const error = { ...details, tag, message: sentence, ...(next.length === 0 ? {} : { next }) }
  return { tag, sentence, next, code, json: tag === "CheckFailed" ? undefined : { error } }
}

/** Failures that only the words of the command line have: they are read before anything is done. */
const ofCommandLine: ReadonlySet<Failure["_tag"]> = new Set([
  "UsageError",
  "InvalidPolicy",
  "InvalidPublicKey",
  "InvalidTowerAddress",
  "InvalidTowerUri"
])

/** A failure of a command as it is told; `help` is the command that shows how it is called. @since 0.1.0 @category combinators */
export const told = (failed: CommandFailed, help: string): Told => {
  const { _tag } = failed.failure
  const { next = [], sentence } = wordsOf(failed)
  return ofCommandLine.has(_tag)
    ? toldOf(_tag, { sentence, next: [...next, help] }, detailsOf(failed.failure), exitCodes.usage.code)
    : toldOf(_tag, { sentence, next }, detailsOf(failed.failure), exitCodes.failed.code)
}

/** A wrong command line as it is told; `help` is the command that shows the right ones. @since 0.1.0 @category combinators */
export const toldUsage = ({ _tag, message }: UsageError, help: string): Told =>
  toldOf(_tag, { sentence: message, next: [help] }, {}, exitCodes.usage.code)

/** A defect as it is told. @since 0.1.0 @category combinators */
export const toldDefect = (defect: unknown): Told =>
  toldOf(
    "Defect",
    { sentence: `This is a bug of wtclient, please report it: ${String(defect)}` },
    {},
    exitCodes.defect.code
  )
