/** Keeps the text of everything that a program logs, prints, traces or throws, in the most detailed form. */
import { inspect } from "node:util"
import { Cause, type Context, Layer, Logger, LogLevel, type Option, Tracer } from "effect"
import { vi } from "vitest"

export interface Capture {
  readonly texts: () => ReadonlySet<string>
  /** Keeps a value as everything that can be made of it. */
  readonly keep: (value: unknown) => void
  /** Loggers of all kinds, at every level, and a tracer. */
  readonly layer: Layer.Layer<never>
  /** Listens to the console until it is called again. */
  readonly console: () => () => void
}

/** What cannot be written so, like a circle, or a bigint as JSON, is not. */
const attempt = (write: () => string | undefined): string => {
  try {
    return write() ?? ""
  } catch {
    return ""
  }
}

const json = (value: unknown) => JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}` : inner))

const everything = { depth: 30, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null } as const

export const make = (): Capture => {
  const texts = new Set<string>()
  const add = (...written: ReadonlyArray<string>) => written.forEach((text) => void texts.add(text))
  const keep = (value: unknown): void => {
    add(
      attempt(() => String(value)),
      attempt(() => json(value)),
      inspect(value, everything)
    )
    if (value instanceof Error) add(value.message, value.stack ?? "")
    if (Cause.isCause(value)) {
      add(Cause.pretty(value, { renderErrorCause: true }))
      for (const error of Cause.prettyErrors(value)) keep(error)
    }
  }

  const raw = Logger.make<unknown, void>(({ annotations, cause, message, spans }) => {
    for (const part of [message].flat()) keep(part)
    keep(cause)
    keep(annotations)
    keep(spans)
  })
  const written = (logger: Logger.Logger<unknown, string>) => Logger.map(logger, keep)
  const structured = Logger.map(Logger.structuredLogger, keep)

  const span = (name: string, parent: Option.Option<Tracer.AnySpan>, context: Context.Context<never>): Tracer.Span => {
    const attributes = new Map<string, unknown>()
    return {
      _tag: "Span",
      name,
      spanId: `${texts.size}`,
      traceId: "trace",
      parent,
      context,
      status: { _tag: "Started", startTime: 0n },
      attributes,
      links: [],
      sampled: true,
      kind: "internal",
      attribute: (key, value) => {
        attributes.set(key, value)
        keep(value)
      },
      event: (event, _, details) => keep([event, details]),
      addLinks: () => {},
      end: (_, exit) => {
        keep(attributes)
        keep(exit)
        if (exit._tag === "Failure") keep(exit.cause)
      }
    }
  }
  const tracer = Tracer.make({ span: (name, parent, context) => span(name, parent, context), context: (run) => run() })

  return {
    texts: () => texts,
    keep,
    layer: Layer.mergeAll(
      Logger.add(raw),
      Logger.add(structured),
      Logger.add(written(Logger.stringLogger)),
      Logger.add(written(Logger.logfmtLogger)),
      Logger.add(written(Logger.jsonLogger)),
      Logger.minimumLogLevel(LogLevel.All),
      Layer.setTracer(tracer)
    ),
    console: () => {
      const spies = (["log", "error", "warn", "info", "debug"] as const).map((method) =>
        vi.spyOn(console, method).mockImplementation((...all) => keep(all))
      )
      return () => {
        for (const spy of spies) spy.mockRestore()
      }
    }
  }
}
