/** Checks `wtwire-vectors.json` (docs/protocol.md, wtwire): messages and chain hashes. Pure. */
import { Either, Option, Schema } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as Chain from "../../src/schema/Chain.js"
import { HexBytes } from "../../src/schema/Ids.js"
import * as Codec from "../../src/schema/wire/Codec.js"
import { CreateSession } from "../../src/schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../src/schema/wire/CreateSessionReply.js"
import { DeleteSession } from "../../src/schema/wire/DeleteSession.js"
import { DeleteSessionReply } from "../../src/schema/wire/DeleteSessionReply.js"
import { ErrorMessage } from "../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../src/schema/wire/Init.js"
import type { Message } from "../../src/schema/wire/Message.js"
import { StateUpdate } from "../../src/schema/wire/StateUpdate.js"
import { StateUpdateReply } from "../../src/schema/wire/StateUpdateReply.js"
import { all, differs, type Result, same } from "./result.js"

const File = Schema.Struct({
  chainHashes: Schema.Record({
    key: Schema.String,
    value: Schema.Record({ key: Schema.String, value: Schema.String })
  }),
  encode: Schema.Array(Schema.Unknown),
  decode: Schema.Array(Schema.Unknown)
})

/** 64 bits are written as a string, since JSON's numbers end at 2^53. */
const CreateSessionFields = Schema.Struct({ ...CreateSession.fields, sweepFeeRate: Schema.BigInt })
const fieldsOf = {
  Init: Schema.Struct(Init.fields).omit("_tag"),
  Error: Schema.Struct(ErrorMessage.fields).omit("_tag"),
  CreateSession: CreateSessionFields.omit("_tag"),
  CreateSessionReply: Schema.Struct(CreateSessionReply.fields).omit("_tag"),
  StateUpdate: Schema.Struct(StateUpdate.fields).omit("_tag"),
  StateUpdateReply: Schema.Struct(StateUpdateReply.fields).omit("_tag"),
  DeleteSession: Schema.Struct({}),
  DeleteSessionReply: Schema.Struct(DeleteSessionReply.fields).omit("_tag")
}

const named = <Name extends keyof typeof fieldsOf>(name: Name) =>
  Schema.Struct({ message: Schema.Literal(name), fields: fieldsOf[name] })

const Encode = Schema.Struct({ name: Schema.String, type: Schema.Number, hex: HexBytes }).pipe(
  Schema.extend(
    Schema.Union(
      named("Init"),
      named("Error"),
      named("CreateSession"),
      named("CreateSessionReply"),
      named("StateUpdate"),
      named("StateUpdateReply"),
      named("DeleteSession"),
      named("DeleteSessionReply")
    )
  )
)

const Decode = Schema.Struct({
  name: Schema.String,
  hex: HexBytes,
  result: Schema.String,
  note: Schema.optional(Schema.String)
})

const messageOf = (vector: typeof Encode.Type): Message => {
  switch (vector.message) {
    case "Init":
      return new Init(vector.fields)
    case "Error":
      return new ErrorMessage(vector.fields)
    case "CreateSession":
      return new CreateSession(vector.fields)
    case "CreateSessionReply":
      return new CreateSessionReply(vector.fields)
    case "StateUpdate":
      return new StateUpdate(vector.fields)
    case "StateUpdateReply":
      return new StateUpdateReply(vector.fields)
    case "DeleteSession":
      return new DeleteSession()
    case "DeleteSessionReply":
      return new DeleteSessionReply(vector.fields)
  }
}

const nameOf = (message: Message): string => (message._tag === "ErrorMessage" ? "Error" : message._tag)

const checkEncode = (vector: typeof Encode.Type): Result => {
  const { name } = vector
  const message = messageOf(vector)
  const written = Codec.encodeEither(message)
  if (Either.isLeft(written)) return differs(name, written.left.message)
  const read = Codec.decode(fromHex(vector.hex))
  return all(
    name,
    same(name, "bytes", vector.hex, toHex(written.right)),
    same(name, "type", vector.type.toString(16).padStart(4, "0"), toHex(written.right.subarray(0, 2))),
    same(name, "decoded", `${message}`, Either.isRight(read) ? `${read.right}` : read.left.reason)
  )
}

/** The words of the Go errors for what is one reason here. */
const goErrors: Readonly<Record<string, Codec.Malformed["reason"]>> = {
  "unknown-type": "UnknownType",
  eof: "Truncated",
  "unexpected-eof": "Truncated",
  "non-canonical-varint": "NonCanonicalSize",
  "varbytes-too-long": "FieldTooLong"
}

const expectedOf = (result: string): string =>
  result.startsWith("error:")
    ? `error:${goErrors[result.slice("error:".length)] ?? "a word that is not known"}`
    : result

const checkDecode = (vector: typeof Decode.Type, byName: ReadonlyMap<string, Message>): Result => {
  const { name } = vector
  const read = Codec.decode(fromHex(vector.hex))
  if (Either.isLeft(read)) return same(name, "result", expectedOf(vector.result), `error:${read.left.reason}`)
  const model = /decodes equal to ([\w-]+)/.exec(vector.note ?? "")?.[1]
  return all(
    name,
    same(name, "result", expectedOf(vector.result), `ok:${nameOf(read.right)}`),
    model === undefined ? { name, ok: true } : same(name, `equal to ${model}`, `${byName.get(model)}`, `${read.right}`)
  )
}

const checkChain = (chain: string, network: string, hash: string): Result =>
  same(
    `chainHashes.${chain}.${network}`,
    "hash",
    hash,
    Option.match(Chain.find(chain, network), { onNone: () => "no such network", onSome: ({ chainHash }) => chainHash })
  )

const nameIn = (vector: unknown, index: number): string =>
  Either.match(Schema.decodeUnknownEither(Schema.Struct({ name: Schema.String }))(vector), {
    onLeft: () => `vector ${index}`,
    onRight: ({ name }) => name
  })

const each = <A, I>(
  vectors: ReadonlyArray<unknown>,
  schema: Schema.Schema<A, I>,
  check: (vector: A) => Result
): Array<Result> =>
  vectors.map((vector, index) =>
    Either.match(Schema.decodeUnknownEither(schema)(vector), {
      onLeft: (error) => differs(nameIn(vector, index), error.message),
      onRight: check
    })
  )

/** Compares every expected value of the file; what cannot be read counts as a difference of its vector. */
export const check = (json: unknown): Array<Result> => {
  const file = Schema.decodeUnknownEither(File)(json)
  if (Either.isLeft(file)) return [differs("file", file.left.message)]
  const byName = new Map<string, Message>()
  const { chainHashes, decode, encode } = file.right
  return [
    ...Object.entries(chainHashes).flatMap(([chain, networks]) =>
      Object.entries(networks).map(([network, hash]) => checkChain(chain, network, hash))
    ),
    ...each(encode, Encode, (vector) => {
      byName.set(vector.name, messageOf(vector))
      return checkEncode(vector)
    }),
    ...each(decode, Decode, (vector) => checkDecode(vector, byName))
  ]
}
