/**
 * The arithmetic of secp256k1: a reference whose default is the fastest that the program can have
 * (docs/adr/three-curves.md).
 *
 * ```ts
 * import { Layer } from "effect"
 * import { BrontideTowerTransport, Curve } from "effect-watchtower"
 *
 * // For a program that trusts JavaScript only.
 * export const transport = Layer.provide(BrontideTowerTransport.layer(), Layer.succeed(Curve.Curve, Curve.noble))
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import * as Either from "effect/Either"
import type * as Internal from "../internal/curve.js"
import * as NativeCurve from "../internal/nativeCurve.js"
import { nobleCurve } from "../internal/nobleCurve.js"
import * as WasmCurve from "../internal/wasmCurve.js"

/** @since 0.1.0 */
export declare namespace Curve {
  /** The operations, their inputs and results. */
  interface Service extends Internal.Curve {}
}

/** noble: pure JavaScript. One multiplication takes milliseconds. @since 0.1.0 @category constructors */
export const noble: Curve.Service = nobleCurve

/** libsecp256k1 in WebAssembly. Throws where the platform has no WebAssembly. @since 0.1.0 @category constructors */
export const webAssembly: () => Curve.Service = WasmCurve.make

/**
 * libsecp256k1 as machine code. Throws where the package `secp256k1` is not installed, or has no build for the platform.
 *
 * @since 0.1.0
 * @category constructors
 */
export const native: () => Curve.Service = NativeCurve.make

const fastest = (): Curve.Service =>
  Either.try(native).pipe(
    Either.orElse(() => Either.try(webAssembly)),
    Either.getOrElse(() => noble)
  )

/**
 * `native` where that works, else `webAssembly`, else `noble`, unless another one is provided. Layers ask for it when they
 * are built.
 *
 * @since 0.1.0
 * @category services
 */
export class Curve extends Context.Reference<Curve>()("effect-watchtower/Curve", {
  defaultValue: fastest
}) {}
