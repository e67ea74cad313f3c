import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"

/** Builds the Go programs before the first test. */
export default function build(): void {
  execFileSync(fileURLToPath(new URL("../../../interop/build", import.meta.url)), { stdio: "inherit" })
}
