/** Which client is meant, where the environment says it: the same for every command. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { newClient, wtclient } from "./wtclient.js"

const said = ({ stderr }: { readonly stderr: string }) => stderr.split("\n")[0]

describe("the environment of wtclient", () => {
  it.scoped("names the client where flags do not", () =>
    Effect.gen(function* () {
      const { folder } = yield* newClient
      const environment = { WATCHTOWER_NETWORK: "regtest", WATCHTOWER_DATA_DIR: folder, WATCHTOWER_CHAIN: "" }
      const made = yield* wtclient(["init", "--json"], undefined, environment)
      assert.strictEqual(JSON.parse(made.stdout).keyFile, `${folder}/bitcoin/regtest/key`)
      const towers = yield* wtclient(["towers"], undefined, environment)
      // What it says next can be pasted into a shell without that environment.
      assert.include(towers.stderr, `Next: wtclient add PUBLICKEY@HOST --network regtest --data-dir ${folder}\n`)
      const other = yield* wtclient(["init", "--json", "--network", "signet"], undefined, environment)
      assert.strictEqual(JSON.parse(other.stdout).keyFile, `${folder}/bitcoin/signet/key`)
    })
  )

  it.scoped("is refused where it cannot be read, by the name of the variable", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* wtclient(["towers"], undefined, { WATCHTOWER_CHAIN: "doge" })
      assert.strictEqual(
        stderr,
        'wtclient: In the environment, WATCHTOWER_CHAIN takes bitcoin or decred, not "doge".\nNext: wtclient towers --help\n'
      )
      assert.strictEqual(code, 2)
    })
  )

  it.scoped("can allow a key file that is mounted as a secret, as the flag can", () =>
    Effect.gen(function* () {
      const { at, flags, fs } = yield* newClient
      const secret = at("mounted")
      const ask = (words: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
        wtclient(["add", `02${"0".repeat(63)}1@127.0.0.1:1`, ...flags, ...words], undefined, environment)
      yield* wtclient(["init", ...flags])
      yield* fs.rename(at("key"), secret)
      yield* fs.chmod(secret, 0o440)
      yield* fs.symlink(secret, at("key"))
      assert.strictEqual(
        said(yield* ask([])),
        `wtclient: The key file ${at("key")} can be read by others. Make it yours alone, or allow it with --key-readable-by group (or everyone) where it is mounted as a secret.`
      )
      assert.strictEqual((yield* ask(["--key-readable-by", "group"])).code, 0)
      assert.strictEqual((yield* ask([], { WATCHTOWER_KEY_FILE_READABLE_BY: "group" })).code, 0)
      const next = yield* ask(["--key-readable-by", "group", "--json"])
      assert.strictEqual(next.code, 0)
    })
  )
})
