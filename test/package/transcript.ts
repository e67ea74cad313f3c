/** The `console` blocks of a page: its commands are run from the top to the bottom, and print what the page shows. */
import * as fs from "node:fs"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { freePort } from "../support/freePort.js"
import type { Consumer } from "./consumer.js"
import { of, where } from "./markdown.js"

/** What differs from run to run, or from machine to machine. */
const normal = (text: string, home: string) =>
  text
    .replaceAll(home, "/home/operator")
    .replaceAll(/\b0[23][0-9a-f]{12,64}/g, "KEY")
    .replaceAll(/(127\.0\.0\.1:)\d+/g, "$1PORT")
    .replaceAll(/\b\d+ ms\b/g, "TIME")
    .replaceAll(/token=\S+/g, "token=TOKEN")
    .trim()

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** A line of … stands for any lines. */
const patternOf = (shown: string) => new RegExp(`^${escaped(shown).replaceAll(/(^|\n)…(?=\n|$)/g, "[\\s\\S]*")}$`)

const isServer = (command: string) => /^(npx )?wtclient (serve|run)\b/.test(command)

/** Each command of a block, with the output that is shown below it. */
const stepsOf = (text: string) =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = "", ...shown] = step.trimEnd().split("\n")
      return { command, shown: shown.join("\n") }
    })

/**
 * Plays a page in a home of its own; answers how many commands it has. A server goes on until the page is over. The tower that a page
 * names is the one that its `serve` has printed, and the service listens at a port that is free.
 */
export const play = async (consumer: Consumer, file: string): Promise<number> => {
  const home = join(consumer.folder, `home-${file.replaceAll(/\W/g, "-")}`)
  fs.mkdirSync(home, { recursive: true })
  const port = await freePort()
  const stops: Array<() => unknown> = []
  let tower: string | undefined
  const lineOf = (command: string) => {
    const line = command
      .replaceAll(/0[23][0-9a-f]{64}@[\d.:]+/g, (shown) => tower ?? shown)
      .replaceAll("127.0.0.1:9912", `127.0.0.1:${port}`)
    return `export HOME='${home}'; ${line}${/wtclient run\b/.test(line) ? ` --listen 127.0.0.1:${port}` : ""}`
  }
  let count = 0
  try {
    for (const block of of("console", file)) {
      for (const { command, shown } of stepsOf(block.text)) {
        count += 1
        const at = `${where(block)}: ${command}`
        let printed: string
        if (isServer(command)) {
          const started = await consumer.start(lineOf(command), shown.split("\n").length)
          stops.push(started.stop)
          printed = started.printed
          tower ??= /0[23][0-9a-f]{64}@[\d.:]+/.exec(printed)?.[0]
        } else {
          const { code, stderr, stdout } = await consumer.run(lineOf(command))
          assert.strictEqual(code, 0, `${at}\n${stdout}${stderr}`)
          printed = stdout
        }
        if (shown !== "") assert.match(normal(printed, home), patternOf(normal(shown, home)), at)
      }
    }
  } finally {
    for (const stop of stops) stop()
  }
  return count
}
