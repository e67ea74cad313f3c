/** Programs in processes of their own, and what these cost. */
import { spawn } from "node:child_process"

/** What a process cost, seen from outside: milliseconds from its start to its end, and of the processor. */
export interface Cost {
  readonly wall: number
  readonly cpu: number
}

/** What runs last in a process: it says of the processor what a parent is not told by Node. */
const atExit = `data:text/javascript,${encodeURIComponent(
  "import fs from 'node:fs'; process.on('exit', () => fs.writeSync(3, JSON.stringify(process.cpuUsage())))"
)}`

/** Runs Node with these arguments to its end. Answers what that cost, and what it has written. */
export const run = (args: ReadonlyArray<string>): Promise<Cost & { readonly output: string }> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(process.execPath, ["--import", atExit, ...args], {
      stdio: ["ignore", "pipe", "inherit", "pipe"]
    })
    const [said, used] = [child.stdio[1], child.stdio[3]].map((stream) => {
      const chunks: Array<Uint8Array> = []
      stream?.on("data", (chunk: Uint8Array) => chunks.push(chunk))
      return () => Buffer.concat(chunks).toString()
    })
    let wall = 0
    child.on("exit", () => {
      wall = performance.now() - began
    })
    child.on("error", reject)
    child.on("close", (code) => {
      if (code !== 0) return reject(new Error(`${args.join(" ")} has ended with ${code}`))
      const { system, user } = JSON.parse(used?.() ?? "")
      resolve({ wall, cpu: (system + user) / 1000, output: said?.() ?? "" })
    })
  })

/** Runs a program that writes its figures as JSON. */
export const figuresOf = async (args: ReadonlyArray<string>) => JSON.parse((await run(args)).output)
