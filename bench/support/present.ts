/** The value, where only a bug leaves it out. */
export const present = <A>(value: A | undefined): A => {
  if (value === undefined) throw new Error("what must be there is missing")
  return value
}
