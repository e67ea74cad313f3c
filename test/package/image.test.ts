/** The image of contrib/docker is built, starts as a user who is no root, answers, and stops on SIGTERM. */
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { checkout } from "./markdown.js"

const env = { ...process.env, STORAGE_DRIVER: "vfs", BUILDAH_ISOLATION: "chroot" }
/** Not synchronous: a worker that does not answer for a minute is given up. */
const buildah = (...words: ReadonlyArray<string>) =>
  Effect.promise(() => promisify(execFile)("buildah", words, { cwd: checkout, env, maxBuffer: 2 ** 26 })).pipe(
    Effect.map(({ stdout }) => stdout.trim())
  )

const bases = { build: "localhost/wtclient-build", run: "localhost/wtclient-run" }
const hasBases = Object.values(bases).every(
  (base) => spawnSync("buildah", ["inspect", "--type", "image", base], { env }).status === 0
)
if (!hasBases) {
  console.warn(
    `The image is not built: buildah and its bases are not there (test/package/bases.sh makes ${Object.values(bases).join(" and ")}).`
  )
}

/** npm in the build is configured as here, and trusts whom this machine trusts. */
const mounts = [
  ["/etc/ssl/certs", "/etc/ssl/certs"],
  [execFileSync("npm", ["config", "get", "userconfig"], { encoding: "utf8" }).trim(), "/root/.npmrc"],
  [execFileSync("npm", ["config", "get", "globalconfig"], { encoding: "utf8" }).trim(), "/usr/local/etc/npmrc"]
].flatMap(([from = "", to = ""]) => (fs.existsSync(from) ? ["--volume", `${from}:${to}:ro`] : []))

const Inspected = Schema.parseJson(
  Schema.Struct({
    Docker: Schema.Struct({
      config: Schema.Struct({
        User: Schema.String,
        Env: Schema.Array(Schema.String),
        Entrypoint: Schema.Array(Schema.String),
        Cmd: Schema.Array(Schema.String),
        Healthcheck: Schema.Struct({ Test: Schema.Array(Schema.String) })
      })
    })
  })
)

const port = 9912
const mostMegabytes = 130

describe.skipIf(!hasBases)("the image of contrib/docker", () => {
  it.scopedLive(
    "has the service, which starts as its user and stops on SIGTERM",
    () =>
      Effect.gen(function* () {
        const tag = "localhost/wtclient-test"
        const stages = ["--build-arg", `BUILD=${bases.build}`, "--build-arg", `RUN=${bases.run}`]
        const ignored = ["--ignorefile", "contrib/docker/Dockerfile.dockerignore"]
        // The format of OCI has no health check.
        const words = ["--format", "docker", "--layers", "--file", "contrib/docker/Dockerfile", "--tag", tag]
        yield* buildah("bud", "--quiet", ...words, ...ignored, ...stages, ...mounts, ".")
        const container = yield* Effect.acquireRelease(buildah("from", tag), (name) => buildah("rm", name))
        const root = yield* buildah("mount", container)
        const { config } = Schema.decodeSync(Inspected)(yield* buildah("inspect", "--type", "image", tag)).Docker
        const megabytes = Number(execFileSync("du", ["-sm", root], { encoding: "utf8" }).split("\t")[0])
        assert.isAtMost(megabytes, mostMegabytes)

        // As an engine starts it: as that user, in that environment, with that root.
        const inside = (...words: ReadonlyArray<string>) => {
          const all = ["-i", ...config.Env, "/usr/sbin/chroot", `--userspec=${config.User}`, root, ...words]
          return { file: "env", words: all }
        }
        const ran = (...words: ReadonlyArray<string>) => {
          const { file, words: all } = inside(...words)
          return spawnSync(file, all, { encoding: "utf8" })
        }
        assert.match(ran(...config.Entrypoint, "--version").stdout, /secp256k1: native/)
        assert.strictEqual(ran(...config.Entrypoint, "init").status, 0)
        const { file, words: all } = inside(...config.Entrypoint, ...config.Cmd)
        const service = yield* Effect.acquireRelease(
          Effect.sync(() => spawn(file, all, { stdio: ["ignore", "pipe", "inherit"] })),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        const closed = once(service, "close")
        const [said] = yield* Effect.promise(() => once(service.stdout, "data"))
        assert.include(String(said), `listens on http://127.0.0.1:${port}`)
        const [, ...health] = config.Healthcheck.Test
        assert.strictEqual(ran(...health).status, 0)
        service.kill("SIGTERM")
        const [code] = yield* Effect.promise(() => closed)
        assert.strictEqual(code, 143)
        assert.notStrictEqual(ran(...health).status, 0)
      }),
    // npm, and two packages that are compiled.
    1_800_000
  )
})
