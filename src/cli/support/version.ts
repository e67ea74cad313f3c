/** The version of this package, as `package.json` has it. @since 0.1.0 @category config */
export const version = "0.1.0"

/** What `--version` prints; `curve`: which arithmetic this machine has. @since 0.1.0 @category combinators */
export const versionLine = (curve: { readonly name: string }): string => `${version} (secp256k1: ${curve.name})`
