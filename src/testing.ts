/**
 * Tools for testing programs that use sessions: services in memory, towers that follow a script, and virtual time.
 *
 * @since 0.1.0
 * @module
 */
export * as FixedKeyRing from "./layers/testing/FixedKeyRing.js"
export * as MemoryClientDb from "./layers/testing/MemoryClientDb.js"
export * as ScriptedTowerTransport from "./layers/testing/ScriptedTowerTransport.js"
export * as ScriptedWatchtower from "./layers/testing/ScriptedWatchtower.js"
export * as SocketPair from "./layers/testing/SocketPair.js"
export * as TowerScript from "./layers/testing/TowerScript.js"
export * as VirtualTime from "./layers/testing/VirtualTime.js"
export * as LoopbackTower from "./layers/tower/LoopbackTower.js"
export * as Code from "./schema/wire/Code.js"
