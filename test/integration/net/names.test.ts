/** Names, from the dialer and the negotiator down to a name server; each test has a network of its own. Needs Linux. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isMissing, sayIfMissing, scenes } from "./support/namespace.js"
import { loopback, silentLink } from "./support/setups.js"

sayIfMissing("names")

const { alone } = await scenes("scenes.ts")

describe.skipIf(isMissing !== undefined)("names", () => {
  it.live.each([4, 8])(
    "%i towers whose name server is silent do not hold up one behind them that has a name too",
    (count) =>
      Effect.gen(function* () {
        const seen = yield* alone({}, "rounds", count)
        assert.deepInclude(seen, { ends: ["session", "session", "session"], askedForHealthy: 3, underWay: [] })
      })
  )

  it.live("a look-up is shared by name, and cancelled when no caller waits for it any more", () =>
    Effect.gen(function* () {
      const seen = yield* alone({}, "givenUp", 20)
      // For each of the 20 names one question a family, although two dials ask.
      assert.deepInclude(seen, { asked: 40, waiting: true, before: ["UDPWrap"], after: ["UDPWrap"] })
    })
  )

  it.live("dead names do not hold up the database's", () =>
    Effect.gen(function* () {
      assert.match(String(yield* alone({}, "postgres", 8)), /the database system is starting up/)
    })
  )

  it.live("dead names do not hold up the proxy's", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* alone({}, "proxy", 8), [true])
    })
  )

  it.live("come from /etc/hosts, then from the name servers and the search domains", () =>
    Effect.gen(function* () {
      const seen = yield* alone(
        {
          hosts: ["127.0.0.1 localhost", "10.1.0.1 many other # many", "10.1.0.2 many", "::1 six Mixed"].join("\n"),
          resolv: ["nameserver 127.0.0.1", "search one.test two.test", "options ndots:2"].join("\n")
        },
        "names"
      )
      assert.deepInclude(seen, {
        found: {
          many: ["10.1.0.1", "10.1.0.2"],
          six: ["::1", "127.0.0.1"],
          MIXED: ["::1", "127.0.0.1"],
          localhost: ["127.0.0.1"],
          "both.test": ["2001:db8::1", "10.0.0.1", "10.0.0.2", "10.0.0.3"],
          short: ["10.0.1.1"],
          "a.b": ["10.0.2.1"],
          "deaf.test": ["10.0.3.1"],
          "none.test": "ENOTFOUND",
          "none.test.": "ENOTFOUND",
          // RFC 6761: no name server is asked for it.
          "tower.localhost": ["::1", "127.0.0.1"]
        }
      })
    })
  )

  it.live("an address that answers late is not given up for the next one", () =>
    Effect.gen(function* () {
      // It has connected; what it would have said before, had the time been over, names both.
      const told = yield* alone({ setup: `${loopback}\n${silentLink}` }, "lateAddress")
      assert.deepInclude(told, {
        reason: "Timeout",
        tried: [
          { ip: "10.9.9.9", reason: "Timeout" },
          { ip: "127.0.0.2", reason: "Refused" }
        ],
        message:
          "Cannot connect to two.test:9911: no answer in time (10.9.9.9: no answer in time; 127.0.0.2: no program listens there)."
      })
    })
  )

  it.live("an address of the family that answers late is tried too", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* alone({}, "lateFamily"), "connected")
    })
  )

  it.live("of a name that has many addresses sixteen are tried", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* alone({}, "manyAddresses"), 16)
    })
  )

  it.live("the error names what each address did", () =>
    Effect.gen(function* () {
      const setup = `${loopback}; ip route add unreachable 198.51.100.1; ip route add prohibit 198.51.100.2`
      assert.deepStrictEqual(yield* alone({ setup }, "eachAddress"), {
        reason: "Refused",
        tried: [
          { ip: "127.0.0.1", reason: "Refused" },
          { ip: "198.51.100.1", reason: "Unreachable" },
          { ip: "198.51.100.2", reason: "NotAllowed" }
        ],
        message:
          "Cannot connect to two.test:1: no program listens there (127.0.0.1: no program listens there; " +
          "198.51.100.1: the network does not reach it; 198.51.100.2: a rule of this machine, such as a firewall's, forbids it)."
      })
    })
  )
})
