import { isText, USER_DETAILS } from '../../domain/users/user-details.ts'
import { block } from '../kit/output.ts'

type Shown = Readonly<Record<string, string | boolean | null>>

const FLAGS: readonly string[] = USER_DETAILS.filter((detail) => !isText(detail)).map(({ name }) => name)

const isSet = (name: string, value: Shown[string] | undefined): boolean =>
  value !== null && value !== '' && !(value === false && FLAGS.includes(name))

/** A user record for people, as `showUserRecord` has it. @param all also what is not set */
export const userText = (record: Shown, all = false): string =>
  block(
    Object.entries(record)
      .filter(([name, value]) => all || isSet(name, value))
      .map(([name, value]) => [name, value === null ? '' : String(value).split(/\r?\n/)]),
  )
