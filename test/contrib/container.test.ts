/** The image and the composition: what the Dockerfile copies is enough for the program, and they name what there is. */
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { OpenApi } from "@effect/platform"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { parse } from "yaml"
import * as flags from "../../src/cli/support/flags.js"
import { WatchtowerApi } from "../../src/schema/http/WatchtowerApi.js"
import { newSchema, start as startPostgres } from "../layers/sql/postgres.js"
import { checkout } from "../package/markdown.js"
import { freePort } from "../support/freePort.js"

const docker = path.join(checkout, "contrib/docker")
const read = (name: string) => fs.readFileSync(path.join(docker, name), "utf8")

interface Instruction {
  readonly name: string
  readonly words: string
}

/** The stages of the Dockerfile, the last one being the image. */
const stages = read("Dockerfile")
  .replaceAll(/^\s*#.*\n/gm, "")
  .replaceAll("\\\n", " ")
  .split(/^(?=FROM )/m)
  .slice(1)
  .map((stage) =>
    stage
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line): Instruction => {
        const [name = "", ...words] = line.trim().split(" ")
        return { name, words: words.join(" ") }
      })
  )
const [build = [], image = []] = stages

const of = (stage: ReadonlyArray<Instruction>, name: string) =>
  stage.filter((one) => one.name === name).map(({ words }) => words)

const Words = Schema.parseJson(Schema.Array(Schema.String))

/** The words of an instruction in exec form: without a shell, which would not pass the signals on. */
const wordsOf = (name: string): ReadonlyArray<string> => {
  const [text = ""] = of(image, name)
  return Schema.decodeSync(Words)(text.slice(text.indexOf("[")))
}

const variables = Object.fromEntries(
  of(image, "ENV").flatMap((words) =>
    [...words.matchAll(/(\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value])
  )
)

const { HOME: home = "" } = variables

const postgres = await startPostgres()
afterAll(() => postgres?.stop())

describe("contrib/docker/Dockerfile", () => {
  it("copies what is there, and what the build does not leave out", () => {
    const ignored = read("Dockerfile.dockerignore").split("\n")
    assert.include(ignored, "*")
    const copied = of(build, "COPY").flatMap((words) => words.split(" ").slice(0, -1))
    assert.isAbove(copied.length, 5)
    for (const name of copied) assert.isTrue(fs.existsSync(path.join(checkout, name)), name)
    assert.sameMembers(
      ignored.filter((line) => line.startsWith("!")).map((line) => line.slice(1)),
      copied
    )
  })

  it("makes an image without a shell, whose program is no root and gets the signals", () => {
    assert.lengthOf(stages, 2)
    assert.deepStrictEqual(of(image, "RUN"), [])
    assert.match(of(image, "USER").at(-1) ?? "", /^[1-9]\d+:[1-9]\d+$/)
    assert.deepStrictEqual(wordsOf("ENTRYPOINT"), ["/usr/local/bin/node", "/opt/wtclient/bin.js"])
    assert.deepStrictEqual(wordsOf("CMD"), ["run"])
    assert.deepStrictEqual(wordsOf("VOLUME"), [home])
  })

  it("asks for the health where the service answers", () => {
    const [, url = ""] = /fetch\('(.*?)'\)/.exec(wordsOf("HEALTHCHECK").join(" ")) ?? []
    const { host, pathname } = new URL(url)
    assert.strictEqual(host, `${flags.usualListen.host}:${flags.usualListen.port}`)
    assert.property(OpenApi.fromApi(WatchtowerApi).paths, pathname)
  })
})

/** What the last step of the build puts into the image, in a folder: made by the words of the Dockerfile. */
const contents = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "image-"))),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
  )
  const step = of(build, "RUN").find((words) => words.includes("scripts/program.ts")) ?? assert.fail("no such step")
  const words = step.replaceAll("/opt/", `${folder}/`).replaceAll("/src/", `${checkout}/`)
  yield* Effect.promise(() => promisify(execFile)("sh", ["-c", words], { cwd: checkout }))
  return folder
})

/** The program of that folder, in the environment of the image. */
const program = (folder: string, environment: Readonly<Record<string, string>>) => {
  const node = path.join(folder, "bin/node")
  const env = { ...variables, HOME: path.join(folder, "home"), ...environment }
  const cwd = path.join(folder, "home")
  return {
    run: (...words: ReadonlyArray<string>) =>
      execFileSync(node, [path.join(folder, "wtclient/bin.js"), ...words], { env, cwd, stdio: "pipe" }),
    start: (...words: ReadonlyArray<string>) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          spawn(node, [path.join(folder, "wtclient/bin.js"), ...words], { env, cwd, stdio: ["ignore", "pipe", "pipe"] })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      ),
    health: (port: number) => {
      const [, ...words] = wordsOf("HEALTHCHECK").map((one) => one.replace(":9912", `:${port}`))
      return spawnSync(node, words, { env, cwd }).status
    }
  }
}

const serves = (folder: string, environment: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const { health, run, start } = program(folder, environment)
    const port = yield* Effect.promise(freePort)
    run("init", "--network", "regtest")
    const service = yield* start("run", "--network", "regtest", "--listen", `127.0.0.1:${port}`)
    let errors = ""
    service.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString()
    })
    const closed = once(service, "close")
    yield* Effect.promise(() => Promise.race([once(service.stdout, "data"), closed]))
    assert.strictEqual(health(port), 0, errors)
    const page = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/`))
    assert.strictEqual(page.status, 200)
    service.kill("SIGTERM")
    const [code] = yield* Effect.promise(() => closed)
    assert.strictEqual(code, 143)
    assert.notStrictEqual(health(port), 0)
  })

describe("the contents of the image", () => {
  it.scopedLive("are enough for the service, with SQLite and with Postgres by a file of passwords", () =>
    Effect.gen(function* () {
      const folder = yield* contents
      yield* serves(folder, {})
      const database = path.join(folder, "home/.wtclient/bitcoin/regtest/wtclient.db")
      assert.isTrue(fs.existsSync(database))
      if (postgres === undefined) return
      fs.rmSync(path.join(folder, "home/.wtclient"), { recursive: true })
      const url = new URL(yield* newSchema(postgres.url))
      const file = path.join(folder, "pgpass")
      fs.writeFileSync(file, `${url.hostname}:${url.port}:*:${url.username}:${url.password}\n`, { mode: 0o400 })
      url.password = ""
      yield* serves(folder, { DATABASE_URL: url.toString(), PGPASSFILE: file })
      assert.isFalse(fs.existsSync(database))
    })
  )
})

const Service = Schema.Struct({
  image: Schema.String,
  build: Schema.optional(Schema.Struct({ context: Schema.String, dockerfile: Schema.String })),
  command: Schema.optional(Schema.Array(Schema.String)),
  environment: Schema.Record({ key: Schema.String, value: Schema.String }),
  secrets: Schema.Array(Schema.String),
  volumes: Schema.Array(Schema.String),
  depends_on: Schema.optional(
    Schema.Record({ key: Schema.String, value: Schema.Struct({ condition: Schema.Literal("service_healthy") }) })
  ),
  healthcheck: Schema.optional(Schema.Struct({ test: Schema.Array(Schema.String) }))
})

const Compose = Schema.Struct({
  services: Schema.Struct({ wtclient: Service, postgres: Service }),
  secrets: Schema.Record({ key: Schema.String, value: Schema.Struct({ file: Schema.String }) }),
  volumes: Schema.Record({ key: Schema.String, value: Schema.Null })
})

describe("contrib/docker/compose.yaml", () => {
  const { secrets, services, volumes } = Schema.decodeUnknownSync(Compose)(parse(read("compose.yaml")))
  const { postgres, wtclient } = services

  it("builds the image from the checkout, and starts it with words that the program takes", () => {
    assert.strictEqual(path.resolve(docker, wtclient.build?.context ?? ""), checkout)
    assert.isTrue(fs.existsSync(path.join(checkout, wtclient.build?.dockerfile ?? "nothing")))
    const [command = "", ...words] = wtclient.command ?? []
    assert.strictEqual(command, "run")
    const known: ReadonlyArray<string> = Object.keys(flags.options)
    const given = words.filter((word) => word.startsWith("--"))
    assert.isNotEmpty(given)
    for (const word of given) assert.include(known, word.slice(2))
  })

  it("has secrets as files, and no password anywhere else", () => {
    for (const name of [...postgres.secrets, ...wtclient.secrets]) assert.property(secrets, name)
    for (const [name, value] of Object.entries({ ...wtclient.environment, ...postgres.environment })) {
      if (/PASS/.test(name)) assert.match(value, /^\/run\/secrets\//, name)
    }
    for (const value of [wtclient.environment.PGPASSFILE, postgres.environment.POSTGRES_PASSWORD_FILE]) {
      assert.property(secrets, path.basename(value ?? ""))
    }
    const url = new URL(wtclient.environment.DATABASE_URL ?? "")
    assert.deepStrictEqual(
      [url.protocol, url.username, url.password, url.hostname, url.pathname],
      ["postgresql:", postgres.environment.POSTGRES_USER, "", "postgres", `/${postgres.environment.POSTGRES_DB}`]
    )
  })

  it("keeps what must not be lost on volumes, and waits for the database", () => {
    const mounts = [...wtclient.volumes, ...postgres.volumes].map((one) => one.split(":"))
    for (const [name = ""] of mounts) assert.property(volumes, name)
    assert.deepInclude(mounts, ["wtclient", home])
    assert.property(wtclient.depends_on, "postgres")
    assert.strictEqual(postgres.healthcheck?.test[1], "pg_isready")
  })
})
