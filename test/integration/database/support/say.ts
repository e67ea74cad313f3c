/** Lines that a process says before anything else happens, so that what was said stays said when it is killed. */
import * as fs from "node:fs"

/** Nobody wakes it: it only lets time pass. */
const pause = new Int32Array(new SharedArrayBuffer(4))

/** Writes a line, and waits where nobody has read for so long that the pipe is full. */
export const writeLine = (line: string): void => {
  for (;;) {
    try {
      fs.writeSync(1, `${line}\n`)
      return
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error
      Atomics.wait(pause, 0, 0, 1)
    }
  }
}
