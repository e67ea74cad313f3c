/**
 * What was tried against whom and how it ended, printed as one table after all tests.
 */
import type { TestContext } from "vitest"
import type { Reporter, TestModule } from "vitest/node"

export interface Row {
  readonly tower: string
  readonly blobType: string
  readonly case: string
  readonly outcome: string
}

declare module "vitest" {
  interface TaskMeta {
    matrix?: Array<Row>
  }
}

/** Notes a row of the table in the running test. */
export const note = (context: TestContext, tower: string, blobType: number | string, what: string, outcome: string) => {
  const { meta } = context.task
  meta.matrix = [...(meta.matrix ?? []), { tower, blobType: String(blobType), case: what, outcome }]
}

/** Prints the table. */
export default class MatrixReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const rows = modules.flatMap((module) =>
      [...module.children.allTests()].flatMap((test) => test.meta().matrix ?? [])
    )
    if (rows.length === 0) return
    const widths = (["tower", "blobType", "case"] as const).map((column) =>
      Math.max(column.length, ...rows.map((row) => row[column].length))
    )
    const line = (cells: ReadonlyArray<string>) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    console.log(
      ["", line(["tower", "type", "case", "outcome"])]
        .concat(rows.map((row) => line([row.tower, row.blobType, row.case, row.outcome])))
        .join("\n")
    )
  }
}
