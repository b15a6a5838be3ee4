import { block } from '../kit/output.ts'

/** A user record for people, as `showUserRecord` has it. */
export const userText = (record: Readonly<Record<string, string | boolean | null>>): string =>
  block(Object.entries(record).map(([name, value]) => [name, value === null ? '' : String(value).split(/\r?\n/)]))
