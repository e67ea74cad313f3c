/** The curve of justice transactions by noble alone: multiplications take milliseconds. @since 0.1.0 */
import { nobleCurve } from "../nobleCurve.js"
import * as JusticeCurve from "./justiceCurve.js"

/** @since 0.1.0 @category constructors */
export const nobleJusticeCurve: JusticeCurve.JusticeCurve = JusticeCurve.make(nobleCurve)
