/** The version of this package, as `package.json` has it. @since 0.1.0 @category config */
export const version = "0.1.0"
