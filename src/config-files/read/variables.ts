import type { Complain } from '../schema/fields.ts'

/** The environment that `${NAME}` looks into. */
export type Variables = Readonly<Record<string, string | undefined>>

/** Is a value nothing but the name of a variable? */
export const isVariable = (text: string): boolean => /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(text)

/** What a variable holds; an empty one counts as missing, and its value is never repeated. */
export function readVariable(
  text: string,
  attribute: string,
  variables: Variables,
  complain: Complain,
): string | undefined {
  const name = text.slice(2, -1)
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined
  if (value !== undefined && value !== '') return value
  complain(attribute, `needs the environment variable ${name}, which is ${value === '' ? 'empty' : 'not set'}`)
  return undefined
}
