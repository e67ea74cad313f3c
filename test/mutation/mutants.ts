/** Small faults put into the code on purpose, each of which some test must notice. */

/** In this file, exactly this text, which stands there once, becomes that. */
export interface Mutant {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** Faults of one part, and the tests that must notice them: the quick ones first, then those that take longer. */
export interface Part {
  readonly name: string
  readonly quick: ReadonlyArray<string>
  readonly thorough: ReadonlyArray<string>
  readonly mutants: ReadonlyArray<Mutant>
}

const inFile = (file: string, ...changes: ReadonlyArray<readonly [from: string, to: string]>): ReadonlyArray<Mutant> =>
  changes.map(([from, to]) => ({ file, from, to }))

const negotiator = (file: string, ...changes: ReadonlyArray<readonly [from: string, to: string]>) =>
  inFile(`src/layers/negotiator/${file}.ts`, ...changes)

const ofNegotiator = (name: string) => `test/layers/negotiator/${name}.test.ts`

export const parts: ReadonlyArray<Part> = [
  {
    name: "negotiator",
    quick: [
      ...[
        "found",
        "claim",
        "handover",
        "steps",
        "rounds",
        "interface",
        "stops",
        "corners",
        "dbfailures",
        "keyRest",
        "condition",
        "model"
      ].map(ofNegotiator),
      "test/conformance/traces.test.ts",
      "test/layers/firstOf.test.ts",
      "test/layers/untilTold.test.ts"
    ],
    thorough: ["guarantees", "random", "worlds"].map(ofNegotiator),
    mutants: [
      ...negotiator(
        "Rules",
        ["failed.filter((visit) => visit.own).length >= 2", "failed.filter((visit) => visit.own).length >= 1"],
        ["if (bytes > maxRewardScript)", "if (bytes >= maxRewardScript)"],
        ['return { next: "key", blames: "tower" }', 'return { next: "tower", blames: "tower" }'],
        ['blames: isOwn(failure) ? "nobody" : "address"', 'blames: "address"'],
        [
          'case "Overtaken":\n        return { next: "tower", blames: "address" }',
          'case "Overtaken":\n        return { next: "tower", blames: "tower" }'
        ],
        [
          "(whenBusy === undefined ? Number.POSITIVE_INFINITY : whenBusy + 1)",
          "(whenBusy === undefined ? Number.POSITIVE_INFINITY : whenBusy + 2)"
        ],
        ["requestLimit: (settings) => settings.maxPending", "requestLimit: (settings) => settings.maxPending + 1"]
      ),
      ...negotiator(
        "standing",
        ["for (let n = 1; n < failedVisits && length", "for (let n = 0; n < failedVisits && length"],
        ["probe !== undefined && probe > now", "probe !== undefined && probe >= now"],
        ["const recoveredRank = visited.size === 0 ? 0 : 2", "const recoveredRank = 0"],
        ["rests <= now ? recoveredRank : 3", "rests < now ? recoveredRank : 3"],
        ["rank < bestRank || key < bestSince", "rank < bestRank || key > bestSince"],
        [
          "failed.sort((a, b) => lastFailure(a) - lastFailure(b))",
          "failed.sort((a, b) => lastFailure(b) - lastFailure(a))"
        ],
        ["failedVisits: 0,\n  lastVisit: now,", "lastVisit: now,"]
      ),
      ...negotiator(
        "race",
        ["if (claim !== undefined) return false", ""],
        ["claim = undefined\n", "\n"],
        ["attemptBegan < claim.visitBegan", "attemptBegan > claim.visitBegan"]
      ),
      ...negotiator(
        "round",
        ["visits.running() < maxHedged", "visits.running() <= maxHedged"],
        ["lastStart + hedgeDelay", "lastStart + 2 * hedgeDelay"],
        ["visited.add(tower.value.id)", ""],
        ["|| !mayStart()) break", ") break"],
        ["race.claimant() !== claimant ||", ""],
        ["env.news.additions() !== news", "false"],
        ["if (isOver || race.session() !== undefined) yield* visits", "if (isOver) yield* visits"],
        ["!isOver && race.claimant() === undefined", "!isOver"]
      ),
      ...negotiator(
        "visit",
        ["visit.keys < visit.env.settings.maxKeyAttempts", "visit.keys <= visit.env.settings.maxKeyAttempts"],
        ["visit.keyIsUsed = true", ""],
        ["one.freeFrom <= now", "true"],
        ["one.reservation.towerId === tower.id", "true"],
        ["if (env.rules.checksAddressesFirst) yield* requireAddress(visit)", ""],
        ["const restMs = Math.ceil(Math.max(0, (shownUntil ?? now) - now))", "const restMs = 0"],
        ["restand(visit, (standing) => Standings.visitFailed(standing, now))", ""],
        [
          "yield* free(visit)\n      env.journal.tell(Happening.VisitInterrupted(ref))",
          "env.journal.tell(Happening.VisitInterrupted(ref))"
        ],
        ["yield* untilKeyRests(visit)", ""],
        ["if (env.rules.limitsVisits) yield* Effect.fork(Effect.interruptible(deadlineOf(self)))", ""]
      ),
      ...negotiator(
        "attempt",
        ["if (!visit.race.claim(visit.tower.id, visit.began))", "if (false)"],
        ["accepted === undefined ? withoutSession", "Exit.isFailure(talk) || accepted === undefined ? withoutSession"],
        ["Math.max(byWall, byMonotonic) < reservation.forMs", "byWall < reservation.forMs"],
        ["visit.shownUntil = ended ? now : now + visit.env.settings.hangUpWait", "visit.shownUntil = now"],
        ["Effect.sync(visit.race.release)", "Effect.void"],
        ["visit.race.won(session)\n", "\n"],
        ["yield* Effect.exit(Effect.interruptible(hangUp(visit, connection)))", ""]
      ),
      ...negotiator(
        "handover",
        ['unserved("next")[0] ?? unserved("take")[0]', 'unserved("take")[0] ?? unserved("next")[0]'],
        ["if (!isGone()) return deliver", "return deliver"],
        ["if (session !== undefined) waiting.unshift(session)", "if (session !== undefined) waiting.push(session)"],
        ["pending() > 0 && undelivered() === 0", "pending() > 0"],
        ['if (kind === "take") requested', "requested"],
        ["waiting.shift()", "waiting.pop()"]
      ),
      ...negotiator("negotiate", ["if (isGone()) leaveToNext()", ""], ["round.callOff()", ""]),
      ...negotiator(
        "worker",
        ["attempt += 1", ""],
        ["env.rules.sleepsWithoutCandidates && !left.anybody", "false"],
        ["Math.min(...probes)", "Math.max(...probes)"],
        ["if (Option.isNone(end)) continue", "if (Option.isNone(end)) return yield* Effect.never"],
        ["yield* handover.delivered", ""]
      ),
      ...negotiator("backoff", ["Duration.min(delay, maxBackoff))\n}", "delay)\n}"]),
      ...negotiator(
        "status",
        ['fold.loop._tag === "Idle" && fold.status.undelivered > 0', "false"],
        ['fold.round === "negotiate" ? resting({ ...fold, round: undefined }) :', ""]
      ),
      ...negotiator(
        "condition",
        ["if (!look()) waiting.add(look)", "waiting.add(look)"],
        ["until(() => late || holds())", "until(holds)"],
        ["if (before !== undefined) return Effect.fail(before)", ""],
        ["Effect.andThen(ended(fiber), Exit.flatten(exit))", "Exit.flatten(exit)"],
        ["if (now !== undefined) tell(Exit.fail(now))", ""]
      ),
      ...negotiator(
        "visitState",
        ["if (visit.overdueBy === undefined) return undefined", "return undefined"],
        ["&& visit.watch.isRemoved(address)", "&& false"],
        ['visit.overdueBy === "tower" ? new VisitTimeout() :', ""]
      ),
      ...inFile("src/layers/firstOf.ts", ["yield* Fiber.interruptAll([oneFiber, otherFiber])", ""]),
      ...inFile("src/layers/untilTold.ts", ["stop()\n", "\n"], ["else resume(waiting.told)", ""])
    ]
  },
  {
    name: "candidates",
    quick: ["test/layers/candidateList.test.ts", "test/layers/RoundRobinTowerCandidates.test.ts"],
    thorough: ["test/conformance/traces.test.ts"],
    mutants: [
      ...inFile(
        "src/layers/candidateList.ts",
        ["if (number >= position)", "if (number > position)"],
        ["return [number + 1, value]", "return [number, value]"],
        ["return [position, undefined]", "return [start, undefined]"],
        ["list.entries.get(key)?.number ?? list.nextNumber", "list.nextNumber"],
        ["Math.max(list.nextNumber, number + 1)", "number + 1"]
      ),
      ...inFile(
        "src/layers/RoundRobinTowerCandidates.ts",
        ["lock(Effect.uninterruptible(effect))", "Effect.uninterruptible(effect)"],
        ["lock(Effect.uninterruptible(effect))", "lock(effect)"],
        ["if (!ids.has(tower.id)) yield* drop(tower.id)", ""],
        ["isAddedAgain ? [CandidateChange.TowerAdded({ tower: after })] : []", "[]"],
        ["one.additions === other.additions &&", ""]
      )
    ]
  },
  {
    name: "wire codec",
    quick: ["test/internal/codec.test.ts", "test/schema/wire/Codec.test.ts", "test/schema/wire/CheckInit.test.ts"],
    thorough: ["test/conformance.test.ts"],
    mutants: [
      ...inFile(
        "src/internal/codec.ts",
        ["offset + size <= input.length", "offset + size < input.length"],
        ["value < least ? yield*", "value <= least ? yield*"],
        ["findLast(([, , least]) => value >= least)", "findLast(([, , least]) => value > least)"],
        ["[0xfd, u16In(true), 0xfd]", "[0xfd, u16In(false), 0xfd]"],
        ["length > limit ?", "length >= limit ?"],
        ["Math.floor(highest / 8) + 1", "Math.ceil(highest / 8)"],
        ["byte >= 0; byte--", "byte > 0; byte--"]
      ),
      ...inFile(
        "src/schema/wire/Codec.ts",
        ["bytes.length - start > maxPayload", "bytes.length - start >= maxPayload"],
        ["[CreateSessionReply.type, 1029]", "[CreateSessionReply.type, 1030]"],
        ["bytes > limit ?", "bytes >= limit ?"]
      ),
      ...inFile(
        "src/schema/wire/CheckInit.ts",
        ["bit % 2 === 0 && !", "!"],
        ["remote.chainHash !== chain.chainHash", "false"]
      )
    ]
  }
]
