/** The primitives by Node where the process has them all, else by noble. @since 0.1.0 */
import * as Either from "effect/Either"
import { noblePrimitives } from "./noblePrimitives.js"
import * as NodePrimitives from "./nodePrimitives.js"
import type { Primitives } from "./primitives.js"

/** Chosen once, when the program starts. @since 0.1.0 @category constructors */
export const { hmacSha256, hmacSha512, open, seal, sha256 }: Primitives = Either.getOrElse(
  Either.try(NodePrimitives.make),
  () => noblePrimitives
)
