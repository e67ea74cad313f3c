/** Faults in what surrounds a negotiator: its options, its metrics and its log. */
import { inFile, type Part } from "./mutant.js"

export const configuration: ReadonlyArray<Part> = [
  {
    name: "config",
    quick: ["test/internal/optionTable.test.ts", "test/layers/options.test.ts", "test/docs"],
    thorough: ["test/layers/NodeWatchtower.test.ts", "test/layers/HdKeyRing.test.ts"],
    mutants: [
      ...inFile(
        "src/internal/optionKind.ts",
        ["/[a-z0-9+.-]{2,}:\\/\\//i.test(text) ||", ""],
        ["/^\\s*postgres(ql)?:/i.test(text) ||", ""],
        ["|pwd|", "|"],
        ["(^|[\\s;])(host", "(^|[;])(host"],
        ["  /^[^/\\\\]+:[^/\\\\]*@/.test(text)", "  false"],
        ['given === null ? "null" :', ""],
        ["millis > 0 &&", "millis >= 0 &&"],
        ["millis <= most)", "millis < most)"],
        ["limits.forever === true && millis", "millis"],
        ['text === "Infinity"\n        ? Duration.infinity', "false\n        ? Duration.infinity"],
        ["() => compactMillis(text)", "() => Number.NaN"],
        ["Number.isInteger(given) &&", ""],
        ["given >= least", "given > least"],
        ["given <= most,", "given < most,"],
        ["/^\\d{1,16}$/.test(text)", "true"],
        ["/^\\d{1,20}$/.test(text)", "true"],
        ["given >= limits.least", "given > limits.least"],
        ["given <= limits.most,", "given < limits.most,"],
        ['typeof given === "number" ? `${given}, which is no bigint` :', ""],
        ["&& form.test(given),", ","],
        ['given !== "" && !isConnectionString(given)', "!isConnectionString(given)"],
        ["&& !isConnectionString(given)", ""],
        ['typeof value === "string" && form.test(value)', 'typeof value === "string"'],
        [
          "parse: (text) => Redacted.make(text),\n    show: () => undefined",
          "parse: (text) => Redacted.make(text),\n    show: quoted"
        ],
        ["fits: (given) => kind.fits(given) && isBranded(given)", "fits: (given) => isBranded(given)"],
        ["fits: (given) => kind.fits(given) && isBranded(given)", "fits: (given) => kind.fits(given)"],
        [
          '[type, range, unit === "" ? "" : `(${unit})`].filter((part) => part !== "")',
          '[type, range, unit === "" ? "" : `(${unit})`]'
        ]
      ),
      ...inFile(
        "src/internal/optionTable.ts",
        ["fallback: kind.read(fallback)", "fallback: undefined"],
        ['(kind.show(fallback) ?? "").replaceAll(\'"\', "")', '(kind.show(fallback) ?? "")'],
        ['...(words === "" ? [] : [`Default: ${words}`])', "`Default: ${words}`"],
        ['shown === undefined ? "" : `, not ${shown}`', "`, not ${shown}`"],
        ["given !== undefined && entry.kind.fits(given) ?", "given !== undefined ?"],
        ['typeof given === "object" && given !== null ?', 'typeof given === "object" ?'],
        ["value === undefined ? fallback : kind.read(value)", "kind.read(value) ?? fallback"],
        ['value === undefined && entry.presence === "required"', "false"],
        ["value !== undefined && !entry.kind.fits(value)", "!entry.kind.fits(value)"],
        [
          "    Config.withDescription(description(entry))\n",
          "",
          "Effect shows the description of a Config to no caller: a ConfigProvider steps over it"
        ],
        [
          'entry.presence === "required" ? valueConfig(entry, name) : optionalConfig(entry, name)',
          "optionalConfig(entry, name)"
        ],
        ["names.every((name) => values[name] === undefined)", "names.some((name) => values[name] === undefined)"],
        ['entries[name]?.presence === "required" && values[name] === undefined', "false"],
        ["Config.nested(inner, name)", "inner"],
        ["`_${letter}`", "letter"]
      ),
      ...inFile("src/layers/support/decodeOptions.ts", ["layer: table.layer", 'layer: ""']),
      ...inFile(
        "src/layers/NodeWatchtower.ts",
        ["if (Option.isSome(one) && Option.isSome(other)) {", "if (false) {"],
        ["Option.orElse(one, () => other)", "one"],
        ["proxy: Option.getOrUndefined(proxy)", "proxy: undefined"],
        ["({ ...candidates, ...others, proxy", "({ ...others, proxy"],
        ["({ ...candidates, ...others, proxy", "({ ...candidates, key: others.key, database: others.database, proxy"],
        ["pollInterval: client.pollInterval ?? places.pollInterval", "pollInterval: client.pollInterval"],
        ["RoundRobinTowerCandidates.layer({ pollInterval: places.pollInterval })", "RoundRobinTowerCandidates.layer()"],
        ["bitcoin.policy ?? Policy.defaults(bitcoin.chain)", "Policy.defaults(bitcoin.chain)"]
      ),
      ...inFile(
        "src/schema/Chain.ts",
        ["network ?? options.entries.network.fallback", "network"],
        ["all.filter(({ name }) => name === chain)", "all"]
      )
    ]
  }
]

export const observation: ReadonlyArray<Part> = [
  {
    name: "metrics",
    quick: ["test/layers/Metrics.test.ts"],
    thorough: [
      "test/layers/negotiator/stopped.test.ts",
      "test/layers/negotiator/status.test.ts",
      "test/layers/negotiator/SessionNegotiator.test.ts"
    ],
    mutants: inFile(
      "src/layers/Metrics.ts",
      ['? "failed" : "empty"', '? "failed" : "failed"'],
      ['? "failed" : "empty"', '? "empty" : "empty"'],
      ['happening.session !== undefined ? "session" :', ""],
      ["Metric.set(pending, happening.pending)", "Effect.void"],
      ["Metric.set(pending, happening.pending)", "Metric.set(pending, 0)"],
      ["visits.set(happening.towerId, at)", "visits.set(happening.towerId, 0)"],
      ["Metric.update(visitDuration, at - started)", "Effect.void"],
      ["Effect.andThen(Metric.increment(sessions),", "Effect.andThen(Effect.void,"],
      ['Metric.tagged(failures, "failure", happening.failure._tag)', "failures"],
      ['Metric.tagged(quarantines, "reason", happening.reason)', "quarantines"],
      ["return Metric.increment(stopped)", "return Effect.void"],
      ['Effect.tagMetrics("negotiator", tag.key)', "(counted) => counted"],
      ["{ start: 10, factor: 2, count: 14 }", "{ start: 10, factor: 2, count: 4 }"]
    )
  },
  {
    name: "logging",
    quick: ["test/layers/negotiator/logging.test.ts"],
    thorough: [
      "test/layers/negotiator/stopped.test.ts",
      "test/layers/negotiator/status.test.ts",
      "test/layers/negotiator/SessionNegotiator.test.ts"
    ],
    mutants: inFile(
      "src/layers/negotiator/logging.ts",
      ['LogLevel.Info, message: "session established"', 'LogLevel.Debug, message: "session established"'],
      ["{ session: id, tower, keyIndex }", "{ session: id, tower }"],
      [
        'return { level: LogLevel.Debug, message: "attempt failed", details: { tower, address, failure: failure.message } }',
        "return undefined"
      ],
      ["{ tower, address, failure: failure.message }", "{ tower, address, failure }"],
      ["return blamed\n", "return !blamed\n"],
      [
        'LogLevel.Warning,\n        message: "tower quarantined"',
        'LogLevel.Debug,\n        message: "tower quarantined"'
      ],
      ["{ tower, reason, probeAt: instant(probeAt) }", "{ tower, reason }"],
      [
        '{ level: LogLevel.Debug, message: "key was used before", details: { tower, keyIndex, lastApplied } }',
        "undefined"
      ],
      [
        'LogLevel.Warning,\n        message: "end of a visit not written"',
        'LogLevel.Debug,\n        message: "end of a visit not written"'
      ],
      ["attempt: happening.attempt, ", ""],
      ['{ level: LogLevel.Debug, message: "waiting for a tower", details: {} }', "undefined"],
      ["cause: Cause.die(happening.cause), ", ""],
      ["`watchtower.${key}`", "key"],
      ["new Date(millis).toISOString()", "millis"],
      ["return Fiber.await(fiber)", "return Effect.void"],
      [
        "if (line !== undefined && LogLevel.greaterThanEqual(line.level, minimum)) lines.offer(line)",
        "if (line !== undefined && LogLevel.greaterThan(line.level, minimum)) lines.offer(line)"
      ],
      ["Effect.exit(annotated(line, { negotiator: name }))", "annotated(line, { negotiator: name })"],
      ["annotated(line, { negotiator: name })", "annotated(line)"]
    )
  }
]
