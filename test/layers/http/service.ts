/** A service over real sockets, with a tower on this machine and a database in memory. */
import * as Http from "node:http"
import { HttpServer } from "@effect/platform"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import * as NodeHttpService from "../../../src/layers/http/NodeHttpService.js"
import * as Metrics from "../../../src/layers/Metrics.js"
import * as NodeWatchtower from "../../../src/layers/NodeWatchtower.js"
import * as NodeLoopbackTower from "../../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../../src/schema/Chain.js"
import { RootKey } from "../../../src/schema/RootKey.js"
import * as TowerUri from "../../../src/schema/TowerUri.js"

export const chain = Chain.bitcoinRegtest
export const token = "5e".repeat(32)
const secret = (byte: number) => Redacted.make(new Uint8Array(32).fill(byte))

export interface Given {
  readonly listen?: NodeHttpService.Listen
  readonly spare?: number
  /** The folder of the page. */
  readonly page?: string
}

/** A service while the scope is open. */
export const start = ({ listen = { host: "127.0.0.1", port: 0 }, page, spare = 0 }: Given = {}) =>
  Effect.gen(function* () {
    const tower = yield* NodeLoopbackTower.make({ chain, secretKey: secret(2) })
    const watchtower = NodeWatchtower.towerClient({
      chain,
      key: { root: RootKey.Seed({ bytes: secret(1) }) },
      database: { filename: ":memory:" },
      spare
    })
    const service = NodeHttpService.layer({ chain, version: "1.2.3", listen, page, token: Redacted.make(token) })
    const context = yield* Layer.build(service.pipe(Layer.merge(Metrics.towerClient), Layer.provideMerge(watchtower)))
    const { address } = Context.get(context, HttpServer.HttpServer)
    return {
      tower,
      uri: TowerUri.print(tower.uri),
      address,
      /** The port, where there is one. */
      port: address._tag === "TcpAddress" ? address.port : 0,
      context
    }
  })

export interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
  /** The body, where it is a JSON object. */
  readonly body: { readonly [name: string]: unknown }
}

export interface Request {
  readonly method?: string
  /** Sent as JSON. */
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Default: that of the service; undefined sends none. */
  readonly token?: string | undefined
}

/** One request over a connection of its own. */
export const request = (at: Http.RequestOptions, path: string, given: Request = {}): Effect.Effect<Answer> =>
  Effect.async((resume) => {
    const body = given.text ?? (given.json === undefined ? undefined : JSON.stringify(given.json))
    const bearer = "token" in given ? given.token : token
    const sent = Http.request({
      ...at,
      path,
      agent: false,
      method: given.method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...given.headers
      }
    })
    sent.on("error", (error) => resume(Effect.die(error)))
    sent.on("response", (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = String(response.headers["content-type"]).includes("json")
        const { headers, statusCode = 0 } = response
        resume(Effect.succeed({ status: statusCode, headers, text, body: isJson ? JSON.parse(text) : {} }))
      })
    })
    sent.end(body)
  })

/** The body of an answer as a value of this schema. */
export const decoded = <A, I>(schema: Schema.Schema<A, I>, { text }: Answer): A =>
  Schema.decodeSync(Schema.parseJson(schema))(text)
