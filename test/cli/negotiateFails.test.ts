/** What negotiate says where a tower's address is something else, or a tower refuses for good. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Schema } from "effect"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import { answering, greeting, hangingUp } from "./strangers.js"
import { newClient, started, wtclient } from "./wtclient.js"

const tower = publicKeyOf(1)

const Listening = Schema.parseJson(Schema.Struct({ uri: Schema.String }))

const said = (address: string) =>
  Effect.gen(function* () {
    const { wtclient } = yield* newClient
    yield* wtclient("init")
    yield* wtclient("add", `${tower}@${address}`)
    return (yield* wtclient("negotiate")).stderr
  })

describe("negotiate, at a port where", () => {
  const wrong: Array<[what: string, address: typeof hangingUp, sentence: RegExp]> = [
    ["a web server is", answering("HTTP/1.1 400 Bad Request\r\n\r\n"), /speaks HTTP, so it is no tower\. Is the port/],
    ["a web server with TLS is", answering(Uint8Array.of(21, 3, 1, 0, 2, 2, 70)), /speaks TLS, so it is no tower/],
    ["SSH is", greeting("SSH-2.0-OpenSSH_9.2p1\r\n"), /speaks SSH, so it is no tower/],
    ["a mail server is", greeting("220 mail.example ESMTP\r\n"), /speaks mail or FTP, so it is no tower/],
    ["Redis is", answering("-ERR unknown command\r\n"), /speaks Redis, so it is no tower/],
    [
      "something unknown is",
      answering("x".repeat(60)),
      /something else than Lightning's handshake\. Is the port right\?/
    ],
    ["another tower is, or a key is wrong", hangingUp, /hung up .* handshake\. Is the tower's public key right\?/]
  ]
  for (const [what, address, sentence] of wrong) {
    it.scopedLive(`${what}, says so`, () =>
      Effect.gen(function* () {
        const at = yield* address
        const stderr = yield* said(at)
        assert.match(stderr, sentence)
        // The address is said once.
        assert.strictEqual(stderr.split(at).length, 2)
      })
    )
  }
})

describe("negotiate, with a tower that refuses for good,", () => {
  it.scopedLive("says why, until when it is left out, and that adding it again lifts that", () =>
    Effect.gen(function* () {
      const mine = yield* newClient
      const theirs = yield* newClient
      const serving = yield* started(["serve", "--json", "--network", "signet", "--data-dir", theirs.folder])
      const { uri } = Schema.decodeUnknownSync(Listening)(yield* Queue.take(serving))
      yield* mine.wtclient("init")
      yield* mine.wtclient("add", uri)
      const first = yield* mine.wtclient("negotiate")
      assert.match(first.stderr, /will not give a session for this policy: it watches bitcoin signet\.\n/)
      assert.match(first.stdout, /is left out for this policy, since it watches another chain; is asked again after 20/)
      const second = yield* mine.wtclient("negotiate")
      assert.match(
        second.stderr,
        /left out for now: tower 1 until 20[\d-]+T[\d:.]+Z, since it watches another chain\. Add another one, add it again/
      )
      const { stdout } = yield* wtclient(["tower", uri, ...mine.flags])
      assert.match(stdout, /is left out for this policy until 20.*: it watches another chain/)
      yield* mine.wtclient("add", uri)
      assert.match((yield* mine.wtclient("negotiate")).stderr, /it watches bitcoin signet/)
    })
  )
})

describe("negotiate, with a tower at an onion name alone,", () => {
  it.scopedLive("names the command that goes through Tor, for the same policy", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", `${tower}@4acth47i6kxnvkewtm6q7ib2s3ufpo5sqbsnzjpbi7utijcltosqemad.onion`)
      const { stderr } = yield* wtclient("negotiate", "--blob-type", "legacy", "--sweep-fee-rate", "3000")
      assert.match(
        stderr,
        /\nNext: wtclient negotiate --proxy 127\.0\.0\.1:9050 --blob-type legacy --sweep-fee-rate 3000 --network/
      )
    })
  )
})

describe("negotiate, where the first tower fails,", () => {
  const failing = `${publicKeyOf(1)}@127.0.0.1:1`

  it.scopedLive("says the failure once where there is no session", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", failing)
      const { code, stderr, stdout } = yield* wtclient("negotiate")
      assert.strictEqual(code, 1)
      assert.notInclude(stdout, "Cannot connect")
      assert.strictEqual(stderr.split("no program listens there").length, 2)
    })
  )

  it.scopedLive("prints with --quiet the session alone", () =>
    Effect.gen(function* () {
      const { flags, wtclient } = yield* newClient
      const { uri } = Schema.decodeUnknownSync(Listening)(
        yield* Queue.take(yield* started(["serve", "--json", ...flags]))
      )
      yield* wtclient("init")
      yield* wtclient("add", uri)
      const { code, stdout } = yield* wtclient("negotiate", "-q", "--count", "2")
      assert.strictEqual(code, 0)
      assert.match(stdout, /^(session [0-9a-f]{66} is stored: .*\n){2}$/)
    })
  )

  it.scopedLive("dates its steps where logs are shown", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", failing)
      const { stdout } = yield* wtclient("negotiate", "--log-level", "error")
      assert.match(stdout, /^20\S+Z tower 1: connects to 127\.0\.0\.1:1$/m)
    })
  )
})
