/** How the tests run that must notice a fault: in the order that is asked for, with a line for each test that ends. */
import * as path from "node:path"
import { defineConfig, mergeConfig } from "vitest/config"
import { BaseSequencer, type Reporter, type TestCase, type TestModule, type TestSpecification } from "vitest/node"
import tests from "../../vitest.config.js"

const order = (process.env.TEST_ORDER ?? "").split("\n")

/** By default those that last longest come first; here, one failure ends the run. */
class InOrder extends BaseSequencer {
  override sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const file = path.relative(this.ctx.config.root, moduleId)
      const position = order.findIndex((name) => file.startsWith(name))
      return position === -1 ? order.length : position
    }
    return Promise.resolve(files.toSorted((a, b) => rank(a) - rank(b)))
  }
}

const tellOf = (state: string, file: string, name: string): void => {
  process.stdout.write(`${state}\t${file}\t${name.replaceAll(/\s+/g, " ")}\n`)
}

const tell = (state: string, file: TestModule, name: string): void =>
  tellOf(state, path.relative(file.project.config.root, file.moduleId), name)

const lines: Reporter = {
  onTestCaseResult: (test: TestCase) => tell(test.result().state, test.module, test.name),
  // A file that cannot be imported has no tests that could fail.
  onTestModuleEnd: (file: TestModule) => {
    for (const { message } of file.errors()) tell("failed", file, message)
  },
  // An error that no test caught. Those of Vitest itself, which is late on a busy machine, say nothing about the code.
  onTestRunEnd: (_, errors) => {
    for (const { message } of errors) if (!message.startsWith("[vitest-")) tellOf("failed", "", message)
  }
}

export default mergeConfig(
  tests,
  defineConfig({ test: { reporters: [lines], sequence: { sequencer: InOrder }, bail: 1 } })
)
