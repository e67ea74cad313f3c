/** The doctor on the page: a look at each address of a tower, and its answer in words. @since 0.1.0 */
import { html } from "htm/preact"
import { useState } from "preact/hooks"
import { failureWords } from "./outcome.js"
import { askDoctor, type Finding, type Tower } from "./service.js"
import { span } from "./words.js"

/** How far the doctor is with a tower. */
type Look =
  | { readonly _tag: "NotAsked" }
  | { readonly _tag: "Looking"; readonly address: string; readonly since: number }
  | { readonly _tag: "Done"; readonly at: number; readonly findings: ReadonlyArray<Finding> }
  | { readonly _tag: "Failed"; readonly message: string }

const verdictsOf = (look: Look, now: number) => {
  switch (look._tag) {
    case "NotAsked":
      return null
    case "Looking":
      // The seconds are hidden from screen readers, which would say each of them.
      return html`
        <p>The doctor looks at ${look.address}. <span class="soft" aria-hidden="true">${span(now - look.since)}</span></p>`
    case "Done":
      return html`
        <p class="soft">The doctor at ${new Date(look.at).toLocaleTimeString()}:</p>
        ${look.findings.map(
          ({ fault, tower, verdict }) =>
            html`<p class=${fault === "none" ? "good" : "bad"}>
              ${fault === "none" ? "✓" : "✗"} ${look.findings.length > 1 ? `${tower.address}: ` : ""}${verdict}
            </p>`
        )}`
    case "Failed":
      return html`<p class="bad">${look.message}</p>`
  }
}

/** A button that asks the doctor about a tower, and what the doctor says. @since 0.1.0 @category combinators */
export const useDoctor = (tower: Tower["tower"], now: number) => {
  const [look, setLook] = useState<Look>({ _tag: "NotAsked" })
  const isLooking = look._tag === "Looking"
  const ask = async () => {
    if (isLooking) return
    const findings: Array<Finding> = []
    try {
      // One after another: few looks run at a time, and another page or program may want one too.
      for (const address of tower.addresses) {
        setLook({ _tag: "Looking", address, since: Date.now() })
        findings.push(await askDoctor(`${tower.publicKey}@${address}`))
      }
      setLook({ _tag: "Done", at: Date.now(), findings })
    } catch (error) {
      setLook({ _tag: "Failed", message: failureWords(error) })
    }
  }
  return {
    // A button that is disabled would lose the focus.
    button: html`
      <button type="button" aria-disabled=${isLooking} onClick=${ask}>Ask the doctor about tower ${tower.id}</button>`,
    answer: html`
      <div role="status">${verdictsOf(look, now)}</div>
      ${
        look._tag === "Done"
          ? html`
            <details>
              <summary>What the doctor saw at tower ${tower.id}</summary>
              <ul>${look.findings.flatMap(({ lines }) => lines.map((line) => html`<li>${line}</li>`))}</ul>
            </details>`
          : null
      }`
  }
}
