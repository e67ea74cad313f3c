/** Trouble of this machine, as its system reports it: it is named, and no tower is blamed. Needs Linux. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isMissing, sayIfMissing, scenes } from "./support/namespace.js"
import { loopback, route } from "./support/setups.js"

sayIfMissing("a machine that cannot connect")

const { alone, here } = await scenes("scenes.ts")

describe.skipIf(isMissing !== undefined)("a machine", () => {
  it.live.each([
    [
      "without any network",
      ":",
      // Not even its own loopback.
      ["NetworkDown", "OutOfResources", "NetworkDown", "NetworkDown", "NetworkDown"]
    ],
    ["with its loopback alone", loopback, ["NetworkDown", "NetworkDown", "Refused", "NetworkDown", "NetworkDown"]],
    [
      "with a rule against an address",
      `${loopback}; ip route add prohibit 198.51.100.1`,
      ["NetworkDown", "NetworkDown", "Refused", "NotAllowed", "NetworkDown"]
    ]
  ] as const)("%s says so, and does not say that it is the tower's", ([, setup, reasons]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* alone({ setup }, "own"), reasons)
    })
  )

  it.live("with IPv4 alone is not off the network: it is the IPv6 address that cannot be reached", () =>
    Effect.gen(function* () {
      const setup = `${loopback}; ${route("4", "10.9.9.1/24")}; ip route add unreachable 203.0.113.7`
      const reasons = yield* alone({ setup: `${setup}; ip route add unreachable 198.51.100.1` }, "own")
      assert.deepStrictEqual(reasons, ["Unreachable", "Unreachable", "Refused", "Unreachable", "NetworkDown"])
    })
  )

  it.live("with IPv6 alone is not off the network: it is the IPv4 address that cannot be reached", () =>
    Effect.gen(function* () {
      const setup = `${loopback}; ${route("6", "fd00::1/64")}; ip route add unreachable 2001:db8::7`
      const reasons = yield* alone({ setup }, "own")
      assert.deepStrictEqual(reasons, ["Unreachable", "Unreachable", "Refused", "Unreachable", "NetworkDown"])
    })
  )

  it.live("without a free port says so", () =>
    Effect.gen(function* () {
      const setup = `${loopback}; echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range`
      assert.strictEqual(yield* alone({ setup }, "noPort"), "OutOfResources")
    })
  )

  it.live("off the network puts two towers to rest in a round, not all of them", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* alone({ setup: ":" }, "failingRound"), [
        [
          ["192.0.2.1:9911", "NetworkDown"],
          ["192.0.2.2:9911", "NetworkDown"]
        ],
        [
          ["tower1.test:9911", "NetworkDown"],
          ["tower2.test:9911", "NetworkDown"]
        ]
      ])
    })
  )
})

describe("a process", () => {
  it.live("without a file descriptor left says so: by address, by name, and to a proxy", () =>
    Effect.gen(function* () {
      const limited = ["bash", "-c", 'ulimit -n 64; exec "$@"', "bash"]
      assert.deepStrictEqual(yield* here(limited, "exhausted"), ["OutOfResources", "OutOfResources", "OutOfResources"])
    })
  )
})
