/** All errors of the library in all their kinds, as a person sees them; sentences.txt has them, for those who read them. */
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, expect, it } from "@effect/vitest"
import { Redacted, Schema, SchemaAST } from "effect"
import type { ClientPaths } from "../../src/cli/support/clientPaths.js"
import { commandText } from "../../src/cli/support/commandText.js"
import { eventLine } from "../../src/cli/support/eventLine.js"
import { CommandFailed, type Failure, told, toldDefect } from "../../src/cli/support/failure.js"
import * as NodeHttpService from "../../src/layers/http/NodeHttpService.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../src/schema/Chain.js"
import { DatabaseUnavailable } from "../../src/schema/DbError.js"
import { Instant, KeyIndex, PublicKey, SessionId, TowerId } from "../../src/schema/Ids.js"
import { Shares } from "../../src/schema/Ineligible.js"
import {
  NoJusticeReason,
  NoJusticeTransaction,
  UselessReason,
  UselessUpdate
} from "../../src/schema/JusticeTransaction.js"
import * as NegotiationError from "../../src/schema/NegotiationError.js"
import { Happening, Step } from "../../src/schema/NegotiatorEvent.js"
import { Role } from "../../src/schema/RevokedState.js"
import * as TowerAddress from "../../src/schema/TowerAddress.js"
import { DialFailed, ProxyFault } from "../../src/schema/TransportError.js"
import { assertForm } from "./sentences.js"

const key = "02e4dbb4350d84eabec1d67e40a398a78a8e6d719d86914393fca83b88dbe927af"
const chain = "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000"

const address = TowerAddress.TowerAddress.make("tower.example:9911")

const sessionId = SessionId.make(key)
const shares = new Shares({ total: 100_000n, fee: 1_500n, dustLimit: 546n })

/** A value for each field that is not one of a few words, by its name. */
const samples: Readonly<Record<string, unknown>> = {
  address: "tower.example:9911",
  act: 2,
  ip: "192.0.2.7",
  cause: new Error("a cause"),
  operation: "createTower",
  detail: "this is what is wrong",
  table: "wt_session",
  expected: "one",
  found: "another",
  supported: 3,
  limit: 65_535,
  "DatabaseTooNew.found": 4,
  received: "Init",
  code: 40,
  data: "00",
  bytes: 2000,
  keyIndex: 7,
  lastApplied: 3,
  type: 601,
  tower: key,
  towerId: 1,
  id: key,
  quarantined: 2,
  input: "something",
  path: "/home/operator/.wtclient/bitcoin/mainnet/key",
  package: "@effect/sql-pg",
  neededBy: "a Postgres database",
  layer: "SessionNegotiator",
  port: 9911,
  where: "127.0.0.1:9912",
  method: "GET",
  "EndpointNotFound.path": "/v1/nothing",
  length: 70_000,
  tried: [
    { ip: "192.0.2.7", reason: "Refused" },
    { ip: "2001:db8::7", reason: "Timeout" }
  ],
  theirChain: chain,
  theirInit: { chainHash: chain, features: [1, 3], featureCount: 2 },
  features: [6, 8],
  featureCount: 2,
  leftOut: [{ towerId: 1, tower: key, reason: "WrongChain", probeAt: 1_800_000_000_000 }],
  failures: [],
  proxy: { address: "127.0.0.1:9050", fault: "NotThere" },
  channelId: "ab".repeat(32),
  commitHeight: 7,
  seqNum: 7,
  states: 3,
  shares,
  hint: "ab".repeat(16),
  updates: [new UselessUpdate({ sessionId, seqNum: 7, reason: UselessReason.BlobNotOpened() })]
}

/** The words that a field can have; undefined where it can have anything. */
const wordsOf = (ast: SchemaAST.AST): ReadonlyArray<unknown> | undefined => {
  if (SchemaAST.isLiteral(ast)) return [ast.literal]
  if (!SchemaAST.isUnion(ast)) return undefined
  const members = ast.types.filter((type) => !SchemaAST.isUndefinedKeyword(type)).map(wordsOf)
  return members.every((member) => member !== undefined) ? members.flat() : undefined
}

interface ErrorClass {
  new (fields: object): Failure
  readonly fields: Schema.Struct.Fields
}

const isErrorClass = (value: unknown): value is ErrorClass =>
  typeof value === "function" && value.prototype instanceof Error && "fields" in value

type Choice = readonly [name: string, values: ReadonlyArray<unknown>]

/** Objects with one of its values in each field, in all combinations; a field that is undefined is left out. */
const combined = (choices: ReadonlyArray<Choice>): ReadonlyArray<object> =>
  choices
    .reduce<ReadonlyArray<ReadonlyArray<readonly [string, unknown]>>>(
      (all, [name, values]) => all.flatMap((one) => values.map((value) => [...one, [name, value] as const])),
      [[]]
    )
    .map((fields) => Object.fromEntries(fields.filter(([, value]) => value !== undefined)))

/** The values of a field: its words, its variants, or its sample. */
const valuesOf = (owner: string, name: string, ast: SchemaAST.AST | undefined): ReadonlyArray<unknown> => {
  const words = ast && wordsOf(ast)
  if (words) return words
  const members: ReadonlyArray<SchemaAST.AST> = ast && SchemaAST.isUnion(ast) ? ast.types : []
  if (members.length > 0 && members.every(SchemaAST.isTypeLiteral)) {
    return members.flatMap(({ propertySignatures }) =>
      combined(propertySignatures.map((field) => [String(field.name), valuesOf(owner, String(field.name), field.type)]))
    )
  }
  assert.isTrue(name in samples, `the field ${name} has a sample`)
  return [samples[`${owner}.${name}`] ?? samples[name]]
}

/** An error in all combinations of the words and variants of its fields; other fields have their sample, optional ones also nothing. */
const instances = (Class: ErrorClass): ReadonlyArray<Failure> => {
  const choices = Object.entries(Class.fields).flatMap(([name, field]): ReadonlyArray<Choice> => {
    if (name === "_tag") return []
    const isOptional = !Schema.isSchema(field)
    const ast = isOptional ? Schema.Struct({ [name]: field }).ast : field.ast
    const type = SchemaAST.isTypeLiteral(ast) && isOptional ? ast.propertySignatures[0]?.type : ast
    const values = valuesOf(Class.name, name, type)
    return [[name, isOptional ? [...values, undefined] : values]]
  })
  return combined(choices).map((fields) => new Class(fields))
}

const folder = path.resolve(import.meta.dirname, "../../src/schema")

const modules = await Promise.all(
  fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file): Promise<object> => import(path.join(folder, file)))
)

const classes = [...modules, NodeLoopbackTower, NodeHttpService]
  .flatMap((module) => Object.values(module))
  .filter(isErrorClass)

const client: ClientPaths = {
  chain: Chain.bitcoinMainnet,
  folder: "/home/operator/.wtclient/bitcoin/mainnet",
  key: { path: "/home/operator/.wtclient/bitcoin/mainnet/key" },
  database: { filename: "/home/operator/.wtclient/bitcoin/mainnet/wtclient.db" },
  command: (...words) => commandText("wtclient", words)
}

const onServer: ClientPaths = { ...client, database: { url: Redacted.make("postgresql://a:swordfish@b/c") } }

const wordsFor = (failure: Failure, paths: ClientPaths) =>
  told(new CommandFailed({ failure, client: paths, policyWords: [] }), "wtclient --help")

const throughProxy = ProxyFault.literals.map(
  (fault) => new DialFailed({ address, reason: "Proxy", proxy: { address: "127.0.0.1:9050", fault } })
)

const all = classes.flatMap(instances)

const unpunished = [
  UselessReason.NotOnThisChain(),
  UselessReason.MalformedKit(),
  UselessReason.SweepScript(),
  UselessReason.RewardScript(),
  ...Role.literals.flatMap((role) => [UselessReason.OutputNotFound({ role }), UselessReason.WrongSignature({ role })]),
  UselessReason.SweepImpossible({ shares })
].map(
  (reason) =>
    new NoJusticeTransaction({
      reason: NoJusticeReason.Useless({ updates: [new UselessUpdate({ sessionId, seqNum: 7, reason })] })
    })
)

/** What each error says in a program, and what the command line says where that is something else. */
const lines = all.flatMap((failure) => {
  const { next, sentence } = wordsFor(failure, client)
  const said =
    sentence === failure.message ? [sentence] : [`(in a program) ${failure.message}`, `(wtclient) ${sentence}`]
  return [...said.map((one) => `${failure._tag}: ${one}`), ...next.map((command) => `    Next: ${command}`)]
})

lines.push(...throughProxy.map(({ message }) => `DialFailed: ${message}`))
lines.push(...unpunished.map(({ message }) => `NoJusticeTransaction: ${message}`))

const tower = { towerId: TowerId.make(1), tower: PublicKey.make(key) }
const refused = new DialFailed({ address, reason: "Refused" })
const soon = Instant.make(1_800_000_000_000)
const happenings: ReadonlyArray<typeof Happening.Type> = [
  Happening.VisitStarted(tower),
  ...Step.literals.map((step) => Happening.StepStarted({ ...tower, step, address })),
  Happening.KeyReserved({ ...tower, keyIndex: KeyIndex.make(7) }),
  Happening.KeyShown({ ...tower, keyIndex: KeyIndex.make(7) }),
  Happening.KeyUsed({ ...tower, keyIndex: KeyIndex.make(7), lastApplied: 3 }),
  Happening.RewardIgnored({ ...tower, bytes: 34 }),
  Happening.AttemptFailed({ ...tower, address, failure: refused }),
  Happening.VisitFailed({ ...tower, failure: refused, blamed: true, restsUntil: soon }),
  Happening.VisitFailed({ ...tower, failure: refused, blamed: false, restsUntil: soon }),
  Happening.VisitInterrupted(tower),
  ...NegotiationError.PermanentReason.literals.map((reason) =>
    Happening.Quarantined({ ...tower, reason, probeAt: soon })
  ),
  Happening.BackingOff({ until: soon, attempt: 1, failures: [] }),
  Happening.WaitingForCandidates({}),
  Happening.Woken(),
  Happening.WriteFailed({
    ...tower,
    failure: new DatabaseUnavailable({ operation: "saveStanding", detail: "the disk is full" })
  }),
  Happening.Stopped({ cause: new Error("a bug") })
]
const events = happenings.flatMap((happening) => eventLine({ number: 1, at: soon, happening }) ?? [])

describe("every error", () => {
  it("of the library is here", () => {
    assert.isAbove(new Set(all.map(({ _tag }) => _tag)).size, 38)
  })

  for (const tag of new Set(all.map(({ _tag }) => _tag))) {
    it(`${tag} says what a person understands, in a program and on the command line`, () => {
      for (const failure of all.filter((one) => one._tag === tag)) {
        assertForm(failure.message)
        assertForm(wordsFor(failure, client).sentence)
        assertForm(wordsFor(failure, onServer).sentence)
        assert.notInclude(wordsFor(failure, onServer).sentence, "swordfish")
      }
    })
  }

  it("keeps the tower and the address that were tried, for programs, where a failure has such fields of its own", () => {
    const failures = all.flatMap((failure) =>
      Schema.is(NegotiationError.AttemptFailure)(failure)
        ? [new NegotiationError.FailedAttempt({ ...tower, address, failure })]
        : []
    )
    assert.isAbove(failures.length, 20)
    for (const failed of failures) {
      const { json } = wordsFor(new NegotiationError.FailedNegotiation({ failures: [failed] }), client)
      assert.containSubset(json, {
        error: {
          tag: "FailedNegotiation",
          failures: [{ tower: { id: 1, publicKey: key }, address, tag: failed.failure._tag }]
        }
      })
    }
  })

  it("that is a bug has one full stop at its end", () => {
    for (const bug of ["it broke", "it broke.", "did it break?"]) {
      assert.match(toldDefect(bug).sentence, /[a-z][.?]$/)
    }
  })

  it("NoJusticeTransaction names each fault of an update", () => {
    for (const { message } of unpunished) assertForm(message)
  })

  it("DialFailed names each fault of a proxy", () => {
    for (const { message } of throughProxy) assertForm(message)
  })

  it("and every line of an event is in sentences.txt (vitest -u writes it)", async () => {
    const text = [...new Set(lines), "", ...events, ""].join("\n")
    await expect(text).toMatchFileSnapshot(path.resolve(import.meta.dirname, "sentences.txt"))
  })
})
