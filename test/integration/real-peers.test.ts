/**
 * The recorded conversations with real towers and clients, replayed without them: every byte that we send is the one that
 * the real peer took, and what it said means what it meant.
 */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { fromHex } from "../../src/internal/bytes.js"
import * as Replay from "../interop/support/replay.js"
import * as Transcript from "../interop/support/transcript.js"

const folder = new URL("../fixtures/interop/", import.meta.url)
const files = fs.readdirSync(folder).filter((name) => name.endsWith(".json"))

describe.each(files)("%s", (name) => {
  const text = fs.readFileSync(new URL(name, folder), "utf8")
  const { transcripts } = Schema.decodeSync(Transcript.File)(text)

  for (const transcript of transcripts) {
    it.scoped(`${transcript.name}: ${transcript.outcome}`, () =>
      Effect.gen(function* () {
        const { outcome, sent } = yield* Replay.replay(transcript)
        assert.strictEqual(outcome, transcript.outcome)
        assert.strictEqual(sent, Transcript.sentBy(transcript, transcript.ours))
      })
    )
  }

  it.effect("decrypts to what it says", () =>
    Effect.gen(function* () {
      for (const transcript of transcripts) {
        const { frames } = transcript
        const streams = yield* Transcript.decrypt(
          transcript,
          fromHex(Transcript.sentBy(transcript, "client->tower")),
          fromHex(Transcript.sentBy(transcript, "tower->client"))
        )
        for (const dir of Transcript.Direction.literals) {
          assert.deepStrictEqual(
            streams[dir],
            frames.filter((frame) => frame.dir === dir && frame.hex !== undefined)
          )
        }
      }
    })
  )
})
