/**
 * The forms of channels before taproot, which have kits of version 0. Both chains have the same scripts, spent in the same way; they
 * differ in how an output pays to a script or a key, and in their estimates.
 *
 * @since 0.1.0
 */
import * as Form from "./form.js"
import * as Kit from "./kit.js"
import * as Script from "./script.js"
import { derWithSighash } from "./signature.js"
import type { ScriptSpend, Spend } from "./transaction.js"

/** What each chain says of these channels. An estimate is that of `Spend`. @since 0.1.0 @category models */
export interface Outputs {
  readonly payToScript: (script: Uint8Array) => Uint8Array
  readonly payToKeyHash: (key: Uint8Array) => Uint8Array
  readonly estimates: Readonly<Record<"legacy" | "anchor", Readonly<Record<"toLocal" | "toRemote", number>>>>
}

/** The branch of OP_IF. */
const ifBranch = Uint8Array.of(1)

/** The forms of these outputs. @since 0.1.0 @category constructors */
export const forms = ({
  estimates,
  payToKeyHash,
  payToScript
}: Outputs): Readonly<Record<"legacy" | "anchor", Form.Form>> => {
  const scriptSpend = (spend: ScriptSpend, ...path: ReadonlyArray<Uint8Array>): Spend => ({
    ...spend,
    pkScript: payToScript(spend.script),
    scheme: "ecdsa",
    stack: (signature) => [derWithSighash(signature), ...path, spend.script]
  })
  const toLocal =
    (estimate: number) =>
    ({ csvDelay, delay, revocation }: Kit.ToLocalV0): Spend =>
      scriptSpend(
        {
          role: "toLocal",
          script: Script.toLocal(revocation, delay, csvDelay),
          key: revocation,
          sequence: 0,
          estimate
        },
        ifBranch
      )
  const toRemoteKeyHash = (key: Uint8Array): Spend => {
    const script = payToKeyHash(key)
    return {
      role: "toRemote",
      pkScript: script,
      script,
      key,
      scheme: "ecdsa",
      sequence: 0,
      estimate: estimates.legacy.toRemote,
      stack: (signature) => [derWithSighash(signature), key]
    }
  }
  const toRemoteConfirmed = (key: Uint8Array): Spend =>
    scriptSpend({
      role: "toRemote",
      script: Script.toRemoteConfirmed(key),
      key,
      sequence: 1,
      estimate: estimates.anchor.toRemote
    })
  return {
    legacy: Form.make(Kit.v0, (keys) => keys, toLocal(estimates.legacy.toLocal), toRemoteKeyHash),
    anchor: Form.make(Kit.v0, (keys) => keys, toLocal(estimates.anchor.toLocal), toRemoteConfirmed)
  }
}
