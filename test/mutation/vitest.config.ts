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

const tell = (state: string, file: TestModule, name: string): void => {
  const relative = path.relative(file.project.config.root, file.moduleId)
  process.stdout.write(`${state}\t${relative}\t${name.replaceAll(/\s+/g, " ")}\n`)
}

const lines: Reporter = {
  onTestCaseResult: (test: TestCase) => tell(test.result().state, test.module, test.name),
  // A file that cannot be imported has no tests that could fail.
  onTestModuleEnd: (file: TestModule) => {
    for (const { message } of file.errors()) tell("failed", file, message)
  }
}

export default mergeConfig(
  tests,
  defineConfig({ test: { reporters: [lines], sequence: { sequencer: InOrder }, bail: 1 } })
)
