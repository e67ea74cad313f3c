/** Small faults put into the code on purpose, each of which some test must notice. */

import { backups } from "./backups.js"
import { connection, keys } from "./cryptography.js"
import { database } from "./database.js"
import { inFile, type Part } from "./mutant.js"
import { configuration, observation } from "./surroundings.js"

const negotiator = (file: string, ...changes: ReadonlyArray<readonly [from: string, to: string]>) =>
  inFile(`src/layers/negotiator/${file}.ts`, ...changes)

const ofNegotiator = (name: string) => `test/layers/negotiator/${name}.test.ts`

export const parts: ReadonlyArray<Part> = [
  {
    name: "negotiator",
    quick: [
      ...[
        "replies",
        "addresses",
        "keys",
        "hedging",
        "ranking",
        "waits",
        "takers",
        "negotiate",
        "status",
        "candidateChanges",
        "ownFailures",
        "visitTimeout",
        "interruptions",
        "SessionNegotiator",
        "defects",
        "stops",
        "dbfailures",
        "corners",
        "additions",
        "model",
        "memory"
      ].map(ofNegotiator),
      "test/conformance/traces.test.ts"
    ],
    thorough: ["found", "guarantees", "hostileTowers", "random", "worlds"].map(ofNegotiator),
    mutants: [
      ...negotiator(
        "Rules",
        ["failed.filter((visit) => visit.own).length >= 2", "failed.filter((visit) => visit.own).length >= 1"],
        ["if (bytes > maxRewardScript)", "if (bytes >= maxRewardScript)"],
        ['return { next: "key", blames: "tower" }', 'return { next: "tower", blames: "tower" }'],
        ['blames: isOwn(failure) ? "none" : "address"', 'blames: "address"'],
        [
          'case "Overtaken":\n        return { next: "tower", blames: "address" }',
          'case "Overtaken":\n        return { next: "tower", blames: "tower" }'
        ]
      ),
      ...negotiator(
        "standingTransitions",
        ["for (let n = 1; n < failedVisits && length", "for (let n = 0; n < failedVisits && length"],
        ["probe !== undefined && probe > now", "probe !== undefined && probe >= now"],
        ["failedVisits: 0,\n  lastVisit: now,", "lastVisit: now,"]
      ),
      ...negotiator(
        "candidateOrder",
        ["visited.size === 0 ? [recovered, fine, resting]", "visited.size >= 0 ? [recovered, fine, resting]"],
        ["if (rests > time)", "if (rests >= time)"],
        ["first.since <= time", "first.since < time"],
        ["one.since < other.since ? -1 : 1", "one.since > other.since ? -1 : 1"],
        ["one.position - other.position", "other.position - one.position"],
        ["compare(found, place) < 0", "compare(found, place) <= 0"],
        ["release(groups.quarantined)", ""]
      ),
      ...negotiator(
        "ranking",
        ["towers === order.towers && now >= order.time()", "towers === order.towers"],
        ["for (const tower of moved) order.move(tower)", ";"],
        [
          "failed.sort((a, b) => lastFailure(a) - lastFailure(b))",
          "failed.sort((a, b) => lastFailure(b) - lastFailure(a))"
        ]
      ),
      ...negotiator(
        "claim",
        ["if (held !== undefined) return false", ""],
        ["held = undefined\n", "\n"],
        ["attemptBegan < held.visitBegan", "attemptBegan > held.visitBegan"],
        ["settled.unsafeClose()", ""],
        ["listener.onReleased()", ""],
        ["listener.onStored()", ""]
      ),
      ...negotiator(
        "round",
        ["visits.size < maxHedged", "visits.size <= maxHedged"],
        ["lastStart + hedgeDelay", "lastStart + 2 * hedgeDelay"],
        ["visited.add(tower.value.id)", ""],
        ["|| !mayStart()) break", ") break"],
        ["inbox.offer(Report.TowerAdded())", ""],
        ["if (isOver || claim.session() !== undefined) {", "if (isOver) {"],
        ["!isOver && claim.holder() === undefined", "!isOver"],
        ["Effect.uninterruptible(\n    Effect.map(startNow", "Effect.interruptible(\n    Effect.map(startNow"],
        ["return stop(...visits.values())", "return Effect.void"],
        ["          unlisten()\n", ""],
        ['if (report._tag === "CalledOff") isOver = true', ""]
      ),
      ...negotiator(
        "visit",
        ["keys >= env.settings.maxKeyAttempts", "keys > env.settings.maxKeyAttempts"],
        ["state: Key.KeyState.Used()", "state: Key.KeyState.Unshown()"],
        ["if (env.rules.checksAddressesFirst && noAddress !== undefined) return failed(noAddress, undefined)", ""],
        ["standings.change(tower.id, (standing) => Standing.visitFailed(standing, now))", ""],
        [
          "yield* release(visit, held)\n    env.events.emit(Happening.VisitInterrupted(ref))",
          "env.events.emit(Happening.VisitInterrupted(ref))"
        ],
        ["const rest = yield* Effect.either(untilKeyRests(visit, held.state))", "const rest = Either.void"],
        ["deadlineAfter(env.alarm, visitTimeout)", "deadlineAfter(env.alarm, Number.POSITIVE_INFINITY)"],
        ["Effect.ensuring(whole, Effect.sync(callOff))", "whole"],
        ["last = failure\n", "\n"],
        ['?? overdue(visit, "database")', ""],
        ["if (yield* isOvertaken(visit, end))", "if (false)"]
      ),
      ...negotiator(
        "key",
        ["!one.isUsed && one.freeFrom <= now", "!one.isUsed"],
        ["Math.ceil(Math.max(0, state.instant - now))", "0"],
        ["millis < forMs ?", "true ?"],
        ['isUsed ? { _tag: "end" } :', ""],
        ["env.unreleased.add({ reservation, freeFrom: now + restMs, isUsed }, now)", "undefined"]
      ),
      ...negotiator("monotonic", ["Math.max(byWall, byMonotonic)", "byWall"]),
      ...negotiator(
        "attempt",
        ["if (!visit.claim.take(visit.tower.id, visit.began))", "if (false)"],
        ["accepted === undefined\n", "Exit.isFailure(talk) || accepted === undefined\n"],
        ["        accepted = acceptance\n", "        yield* Effect.yieldNow()\n        accepted = acceptance\n"],
        ["(sawEnd ? 0 : env.settings.hangUpWait)", "0"],
        ["Effect.sync(claim.release)", "Effect.void"],
        ["visit.claim.won(session)\n", "\n"],
        ["yield* Effect.exit(Effect.interruptible(hangUp(visit, connection)))", ""],
        ["isShown = true\n", "\n"]
      ),
      ...negotiator(
        "sessionLine",
        ['unserved("next")[0] ?? unserved("take")[0]', 'unserved("take")[0] ?? unserved("next")[0]'],
        ["if (!callerIsInterrupted()) return deliver", "return deliver"],
        ["if (session !== undefined) waiting.unshift(session)", "if (session !== undefined) waiting.push(session)"],
        ["pending() > 0 && undelivered() === 0", "pending() > 0"],
        ['if (kind === "take") requested', "requested"],
        ["waiting.shift()", "waiting.pop()"],
        ["Math.min(requested + 1, maxPending)", "requested + 1"]
      ),
      ...negotiator("negotiate", ["if (callerIsInterrupted()) leaveToNext()", ""], ["round.callOff()", ""]),
      ...negotiator(
        "loop",
        ["attempt += 1", ""],
        ["if (isAnyLeft) {", "if (true) {"],
        ["Math.min(...probes)", "Math.max(...probes)"],
        ["if (Option.isNone(end)) continue", "if (Option.isNone(end)) return yield* Effect.never"],
        ["yield* line.delivered", ""],
        ["env.candidates.additions() !== seen", "true"],
        ["      look()\n", ""]
      ),
      ...negotiator("backoff", ["Duration.min(delay, maxBackoff))\n}", "delay)\n}"]),
      ...negotiator(
        "status",
        ['fold.loop._tag === "Idle" && fold.status.undelivered > 0', "false"],
        ['fold.round === "negotiate" ? resting({ ...fold, round: undefined }) :', ""]
      ),
      ...negotiator(
        "visitContext",
        ["if (!deadline.isPassed()) return undefined", "return undefined"],
        ["for (const onPassed of listeners) onPassed()", ""],
        ["candidates.isRemoved(visit.tower, address)", "false"],
        ['waitsFor === "tower" ? new VisitTimeout() :', ""]
      ),
      ...negotiator(
        "candidateChanges",
        ["if (isChanged) for", "for"],
        ["looks === before ? Effect.succeed(compare(towers)) : list", "Effect.succeed(compare(towers))"]
      )
    ]
  },
  {
    name: "concurrency",
    quick: ["test/layers/concurrency"],
    thorough: [
      ...["costs", "interruptions", "stops", "takers", "negotiate", "defects", "found"].map(ofNegotiator),
      "test/layers/backup/costs.test.ts"
    ],
    mutants: [
      ...inFile(
        "src/layers/concurrency/firstOf.ts",
        ["yield* stop(...fibers)", ""],
        ["if (exit !== null) return exit\n", "\n"],
        ["Effect.andThen(stop(fiber), Effect.flatten(exit))", "Effect.flatten(exit)"],
        ["Effect.andThen(stop(fiber), Effect.flatten(exit))", "Effect.flatten(exit).pipe(Effect.tap(stop(fiber)))"],
        ["untilStopped(Effect.interruptible(effect)", "untilStopped(effect"]
      ),
      ...inFile(
        "src/layers/concurrency/bothOf.ts",
        ["yield* stop(oneFiber, otherFiber)", ""],
        ["if (exit !== undefined) resume(exit)", "if (exit !== undefined && Exit.isSuccess(exit)) resume(exit)"],
        ["if (ended !== undefined && Exit.isSuccess(ended)) return ended.value", ""]
      ),
      ...inFile("src/layers/concurrency/awaitCallback.ts", ["stop()\n", "\n"], ["else resume(waiting.value)", ""]),
      ...inFile(
        "src/layers/concurrency/inbox.ts",
        ["if (items.length > capacity) items.shift()", ""],
        ["      waiting.add(look)\n      look()\n", "      waiting.add(look)\n"],
        ["      waiting.add(look)\n      look()\n", "      look()\n"],
        ["        waiting.delete(look)\n", ""],
        ["        callOff()\n", ""]
      ),
      ...inFile(
        "src/layers/concurrency/alarm.ts",
        ["if (one.at <= reached && pending.delete(one)) one.ring()", "if (pending.delete(one)) one.ring()"],
        [
          "if (one.at <= reached && pending.delete(one)) one.ring()",
          "if (one.at <= reached) { pending.delete(one); one.ring() }"
        ],
        ["      else rest()\n", ""],
        ["wakeBy(Math.min(...Array.from(pending, ({ at }) => at)))", "{}"],
        ["if (isOpen || pending.size > 0) return", "return"],
        ["if (isOpen || pending.size > 0) return", "if (pending.size > 0) return"],
        ["if (isOpen || pending.size > 0) return", "if (isOpen) return"],
        ["      sleepers.clear()\n", ""],
        ["          isOpen = false\n          rest()\n", "          isOpen = false\n"],
        ["for (const callOff of sleepers.values()) callOff()", ""],
        ["for (const at of sleepers.keys()) if (at <= until) return", ""],
        ["      wakeBy(one.at)\n", ""],
        ["left > 0 ? Math.max(left, rounding) : 0", "Math.max(0, left)"],
        [
          'typeof duration === "number" ? Math.max(0, duration) : Duration.toMillis(duration)',
          "Duration.toMillis(duration)"
        ],
        ["sleepers.delete(until)\n", "\n"],
        ["        pending.delete(one)\n        rest()\n", "        rest()\n"],
        ["        pending.delete(one)\n        rest()\n", "        pending.delete(one)\n"]
      ),
      ...inFile(
        "src/layers/concurrency/region.ts",
        ["Effect.zipRight(Effect.updateFiberRefs(end), Exit.failCause(cause))", "Exit.failCause(cause)"],
        ["Effect.zipRight(Effect.updateFiberRefs(end), Exit.succeed(value))", "Exit.succeed(value)"],
        ["setMostOps(Number.MAX_SAFE_INTEGER)", "setMostOps(mostOps)"],
        ["both(setServices(before), setMostOps(mostOps))", "setServices(before)"],
        ["both(setServices(before), setMostOps(mostOps))", "setMostOps(mostOps)"]
      ),
      ...inFile(
        "src/layers/concurrency/mutex.ts",
        ["Effect.andThen(wait(free.await), take(wait))", "wait(free.await)"],
        ["      free.unsafeClose()\n", ""],
        ["      isTaken = false\n", ""]
      ),
      ...inFile("src/layers/concurrency/releaseOnFailure.ts", [
        "endWith(Exit.failCause(cause), Scope.close(scope, Exit.failCause(cause)))",
        "Effect.failCause(cause)"
      ]),
      ...inFile(
        "src/layers/concurrency/scoped.ts",
        [
          "Effect.flatMap(startNow(Scope.close(scope, exit)), (fiber) => Effect.flatten(exitOf(fiber)))",
          "Scope.close(scope, exit)"
        ],
        ["(exit: Exit.Exit<A, E>) => endWith(exit, Scope.close(scope, exit))", "(exit: Exit.Exit<A, E>) => exit"],
        ["Cause.sequential(exit.cause, cause)", "cause"]
      ),
      ...inFile(
        "src/layers/concurrency/startNow.ts",
        ["exit === null ? Fiber.await(fiber) : Effect.succeed(exit)", "Fiber.await(fiber)"],
        ["for (const fiber of running) fiber.unsafeInterruptAsFork(caller.id())", ""],
        ["Effect.forEach(running, exitOf, { discard: true })", "Effect.void"]
      )
    ]
  },
  {
    name: "candidates",
    quick: ["test/layers/RoundRobinTowerCandidates.test.ts"],
    thorough: ["test/layers/negotiator/additions.test.ts"],
    mutants: [
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
    quick: ["test/internal/fieldCodec.test.ts", "test/schema/wire/Codec.test.ts", "test/schema/wire/CheckInit.test.ts"],
    thorough: ["test/conformance.test.ts"],
    mutants: [
      ...inFile(
        "src/internal/fieldCodec.ts",
        ["offset + size <= input.length", "offset + size < input.length"],
        ["([value]) => value >= least,", "([value]) => value > least,"],
        ["findLast(([, , least]) => value >= least)", "findLast(([, , least]) => value > least)"],
        ["[0xfd, u16le, 0xfd]", "[0xfd, u16, 0xfd]"],
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
  },
  ...connection,
  ...keys,
  ...database,
  ...backups,
  ...configuration,
  ...observation
]
