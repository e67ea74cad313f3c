import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import * as TowerAddress from "../../src/schema/TowerAddress.js"

const onion = "4acth47i6kxnvkewtm6q7ib2s3ufpo5sqbsnzjpbi7utijcltosqemad.onion"

const accepted: ReadonlyArray<readonly [input: string, printed: string, kind: TowerAddress.Kind]> = [
  ["tcp://127.0.0.1:9735", "127.0.0.1:9735", "ipv4"],
  ["tcp:127.0.0.1:9735", "127.0.0.1:9735", "ipv4"],
  ["127.0.0.1:9735", "127.0.0.1:9735", "ipv4"],
  ["tcp4://127.0.0.1:9735", "127.0.0.1:9735", "ipv4"],
  ["tcp4:127.0.0.1:9735", "127.0.0.1:9735", "ipv4"],
  ["localhost:9735", "localhost:9735", "name"],
  ["127.0.0.1", "127.0.0.1:1234", "ipv4"],
  ["localhost", "localhost:1234", "name"],
  ["[::1]", "[::1]:1234", "ipv6"],
  ["::1", "[::1]:1234", "ipv6"],
  ["tcp6://::1", "[::1]:1234", "ipv6"],
  ["tcp6:::1", "[::1]:1234", "ipv6"],
  ["[2001:DB8:0:0::0:1]:9911", "[2001:db8::1]:9911", "ipv6"],
  ["::ffff:1.2.3.4", "[::ffff:102:304]:1234", "ipv6"],
  ["123", "localhost:123", "name"],
  [onion, `${onion}:1234`, "onion"],
  [`${onion}:9735`, `${onion}:9735`, "onion"],
  [`tcp://${onion.toUpperCase()}`, `${onion}:1234`, "onion"],
  ["Tower.Example.COM.:65535", "tower.example.com:65535", "name"],
  ["tower_1", "tower_1:1234", "name"],
  ["xn--bcher-kva.example:1", "xn--bcher-kva.example:1", "name"],
  ["a.1b", "a.1b:1234", "name"],
  [" tower.example:1 ", "tower.example:1", "name"],
  ["\ufefftower.example\u200b\r\n", "tower.example:1234", "name"],
  ["\u00a0127.0.0.1:1\u00a0", "127.0.0.1:1", "ipv4"]
]

const refused: ReadonlyArray<readonly [input: string, reason: TowerAddress.InvalidTowerAddress["reason"]]> = [
  ["", "NoHost"],
  [":", "NoHost"],
  [":9735", "NoHost"],
  ["tcp://", "NoHost"],
  ["tower.example:", "NoPort"],
  ["[::1]:", "NoPort"],
  ["unix:///run/lnd.sock", "UnixSocket"],
  ["unix:/run/lnd.sock", "UnixSocket"],
  ["unixpacket:/run/lnd.sock", "UnixSocket"],
  ["unixgram:///run/lnd.sock", "UnixSocket"],
  ["ip://1.2.3.4", "UnknownScheme"],
  ["udp://1.2.3.4:9911", "UnknownScheme"],
  ["https://tower.example", "UnknownScheme"],
  ["://", "UnknownScheme"],
  ["some string", "Invisible"],
  ["tower.exam\u200bple", "Invisible"],
  ["tower.example:\n9911", "Invisible"],
  ["0.0.0.0:9911", "Unspecified"],
  ["[::]:9911", "Unspecified"],
  ["::", "Unspecified"],
  ["[0:0:0:0:0:0:0:0]", "Unspecified"],
  ["2001:db8::1:9911", "NeedsBrackets"],
  ["2001:db8::1:10009", "NeedsBrackets"],
  ["fe80::1%eth0", "Zone"],
  [onion.slice(0, -6), "LostOnion"],
  [`${onion.slice(0, -6)}:9911`, "LostOnion"],
  [`${onion.slice(0, -6)}.example`, "LostOnion"],
  ["tower.i2p", "I2p"],
  ["12.12.12.12.12", "NotAHost"],
  ["1.2.3", "NotAHost"],
  ["256.1.1.1", "NotAHost"],
  ["01.2.3.4", "NotAHost"],
  ["1.2.3.4/24", "NotAHost"],
  ["tower.example/x", "NotAHost"],
  ["bücher.example", "NotAscii"],
  ["-tower.example", "NotAHost"],
  ["tower..example", "NotAHost"],
  [`${"a".repeat(64)}.example`, "NotAHost"],
  [`${"a.".repeat(127)}b`, "NotAHost"],
  ["a:b:c", "NotAHost"],
  ["[::1", "NotAHost"],
  ["[::1]x", "NotAHost"],
  ["[fe80::1%eth0]:9911", "Zone"],
  ["[1.2.3.4]:9911", "NotAHost"],
  ["tower.example:0", "BadPort"],
  ["tower.example:65536", "BadPort"],
  ["tower.example:http", "BadPort"],
  ["tower.example:+1", "BadPort"],
  ["0", "BadPort"],
  ["70000", "BadPort"],
  ["3g2upl4pq6kufc4m.onion", "OnionV2"],
  ["3g2upl4pq6kufc4m.onion:9735", "OnionV2"],
  [onion.replace("4acth", "4acti"), "BadOnion"],
  ["short.onion", "BadOnion"],
  [".onion", "BadOnion"],
  [`03${"00".repeat(32)}@tower.example`, "HasKey"]
]

describe("TowerAddress", () => {
  it.each(accepted)("%s is %s", (input, printed, kind) => {
    const address = Either.getOrThrow(TowerAddress.parse(input, 1234))
    assert.strictEqual(address, printed)
    assert.strictEqual(TowerAddress.kind(address), kind)
    assert.deepStrictEqual(TowerAddress.parse(address), Either.right(address))
  })

  it.each(refused)("%s is refused: %s", (input, reason) => {
    const error = Either.getOrThrow(Either.flip(TowerAddress.parse(input, 1234)))
    assert.strictEqual(error.reason, reason)
    assert.include(error.message, JSON.stringify(input))
  })

  it("adds the port of towers", () => {
    assert.strictEqual(Either.getOrThrow(TowerAddress.parse("tower.example")), "tower.example:9911")
    assert.isTrue(Either.isLeft(TowerAddress.parse("tower.example", 0)))
  })

  it("gives a socket the bare host", () => {
    const halves = (input: string) => TowerAddress.hostPort(Either.getOrThrow(TowerAddress.parse(input)))
    assert.deepStrictEqual(halves("[::1]:5"), { host: "::1", port: 5 })
    assert.deepStrictEqual(halves("tower.example:5"), { host: "tower.example", port: 5 })
  })

  it("says what is wrong and what to do", () => {
    const error = Either.getOrThrow(Either.flip(TowerAddress.parse("3g2upl4pq6kufc4m.onion")))
    assert.strictEqual(
      error.message,
      '"3g2upl4pq6kufc4m.onion" is not a tower address: onion addresses of version 2 are dead; ask the tower\'s operator for the one of version 3. Write host:port, for example tower.example:9911.'
    )
  })

  it("names a character that cannot be seen, and the form of a name that the name service has", () => {
    const said = (input: string) => Either.getOrThrow(Either.flip(TowerAddress.parse(input))).message
    assert.include(said("tower.exam\u200bple"), "there is an invisible character (U+200B) inside")
    assert.include(said("tower example"), "there is a blank inside")
    assert.include(said("bücher.example:9911"), "there it is xn--bcher-kva.example.")
  })

  it("reads any string without throwing, and its own output as itself", () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9a-f:.[\]]{0,12}$/),
      fc.domain(),
      fc.ipV4(),
      fc.ipV6(),
      fc.tuple(fc.ipV6(), fc.nat(70_000)).map(([ip, port]) => `[${ip}]:${port}`)
    )
    fc.assert(
      fc.property(text, (input) => {
        const parsed = TowerAddress.parse(input)
        if (Either.isRight(parsed)) assert.deepStrictEqual(TowerAddress.parse(parsed.right), parsed)
      }),
      { numRuns: 2000 }
    )
  })

  it("accepts every IPv4 and IPv6 literal", () => {
    // In brackets, since a bare one may seem to end in a port; without the unspecified ones, which cannot be dialled.
    const literal = fc.oneof(
      fc.ipV4().filter((ip) => ip !== "0.0.0.0"),
      fc
        .ipV6()
        .filter((ip) => /[1-9a-f]/i.test(ip))
        .map((ip) => `[${ip}]`)
    )
    fc.assert(fc.property(literal, (ip) => Either.isRight(TowerAddress.parse(ip))))
  })
})
