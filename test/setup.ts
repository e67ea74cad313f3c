import { setImmediate } from "node:timers/promises"
import { addEqualityTesters, afterEach } from "@effect/vitest"

addEqualityTesters()

// Tests in virtual time never wait. Without this a file of them keeps the worker from Vitest's answers until Vitest gives up.
afterEach(() => setImmediate())
