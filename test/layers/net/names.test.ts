/** What the files of the system say about names; test/integration/net shows that they are asked. */
import { describe, expect, it } from "@effect/vitest"
import { inDomains, inHosts } from "../../../src/layers/net/names.js"

describe("a hosts file", () => {
  it.each([
    ["10.0.0.1 tower", "tower", ["10.0.0.1"]],
    ["10.0.0.1\ttower.test  tower # 10.0.0.2 other", "tower", ["10.0.0.1"]],
    ["10.0.0.1 tower # other", "other", []],
    ["# 10.0.0.1 tower", "tower", []],
    ["10.0.0.1 tower\r\n10.0.0.2 Tower\r\n10.0.0.1 tower", "TOWER", ["10.0.0.1", "10.0.0.2"]],
    ["::1 tower\nfe80::1%lo0 tower", "tower", ["::1", "127.0.0.1", "fe80::1%lo0"]],
    ["tower 10.0.0.1\n10.0.0.256 tower\n\n", "tower", []],
    ["10.0.0.1 tower.test", "tower", []]
  ])("%j has %s", (text, name, addresses) => expect(inHosts(text, name)).toEqual(addresses))
})

describe("search domains", () => {
  const long = "a".repeat(63)
  it.each([
    ["", "machine", "tower", ["tower"]],
    ["", "machine.home.test", "tower", ["tower.home.test", "tower"]],
    ["search one.test two.test", "machine.home.test", "tower", ["tower.one.test", "tower.two.test", "tower"]],
    ["search one.test", "machine", "a.b", ["a.b", "a.b.one.test"]],
    ["search one.test", "machine", "a.b.", ["a.b"]],
    ["search one.test\noptions edns0 ndots:2 trust-ad", "machine", "a.b", ["a.b.one.test", "a.b"]],
    ["search one.test\noptions ndots:0", "machine", "tower", ["tower", "tower.one.test"]],
    ["search one.test\n# search two.test\ndomain three.test", "machine", "tower", ["tower.three.test", "tower"]],
    ["search .", "machine", "tower", ["tower"]],
    ["search one.test.", "machine", "tower", ["tower.one.test", "tower"]],
    [
      "search one.test",
      "machine",
      `${long}.${long}.${long}.${long.slice(9)}`,
      [`${long}.${long}.${long}.${long.slice(9)}`]
    ]
  ])("%j on %s: %s", (text, machine, name, names) => expect(inDomains(text, machine, name)).toEqual(names))
})
