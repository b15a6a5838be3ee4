import { type NewUser, USER_TYPES, type UserDetails, type UserType, whyBadPassword } from '../../domain/users/user.ts'
import { isText, USER_DETAILS } from '../../domain/users/user-details.ts'
import { newUserDetails, type UserInput } from '../../domain/users/user-record.ts'
import { isListedPassword } from '../../lib/files/listed-passwords.ts'
import { type Complain, complaintsOf, refuseUnknown, textOf } from '../schema/fields.ts'
import type { FileRecord } from '../schema/records.ts'
import { USER_FIELD_NAMES } from '../schema/user-fields.ts'
import { type Read, type Reading, readFlag } from './read-app.ts'
import { isVariable, readVariable, type Variables } from './variables.ts'

/** The first password of a user: what it is, or its hash. */
export type FirstPassword = { readonly clear: string } | { readonly hash: string }

/** A user as a file wants them; what is `undefined` stays as it is. */
export interface WantedUser {
  readonly record: FileRecord
  readonly user: Omit<NewUser, 'type'>
  /** What is known of them; somebody who is called nothing else is called by their login, as it is spelled. */
  readonly detailsOf: (login: string) => UserDetails
  readonly type: UserType | undefined
  readonly isEnabled: boolean | undefined
  readonly password: FirstPassword | undefined
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const ARGON2ID = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=\d{1,2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/
// A sign-in must not take the machine's memory or minutes of its time.
const COSTLIEST = { memory: 1_048_576, passes: 20 }

/** Reads a user; an attribute that is left out has its default. */
export function readUser(record: FileRecord, { variables, suggest }: Reading): Read<WantedUser> {
  const { complain, faults } = complaintsOf(record)
  const { fields, id } = record
  refuseUnknown(fields, USER_FIELD_NAMES, suggest, complain)
  const text = (attribute: string): string | undefined => readText(fields[attribute], attribute, complain)
  const uuid = text('id')
  if (uuid !== undefined && !UUID.test(uuid)) complain('id', 'expects a UUID in lower case')
  const type = readType(fields['type'], complain)
  const given = readDetails(fields, complain)
  const detailsOf = (login: string): UserDetails => newUserDetails(login, given)
  const user = {
    login: id,
    ...detailsOf(id),
    ...(uuid === undefined ? {} : { id: uuid }),
  }
  const isEnabled = readFlag(fields['isEnabled'], 'isEnabled', complain)
  const password = readPassword(fields, type, variables, complain)
  return { wanted: { record, user, detailsOf, type, isEnabled, password }, faults }
}

function readDetails(fields: FileRecord['fields'], complain: Complain): UserInput {
  return Object.fromEntries(
    USER_DETAILS.map((detail) => [
      detail.name,
      isText(detail)
        ? readText(fields[detail.name], detail.name, complain)
        : readFlag(fields[detail.name], detail.name, complain),
    ]),
  )
}

function readText(value: unknown, attribute: string, complain: Complain): string | undefined {
  if (value === undefined) return undefined
  const text = textOf(value, 'text')
  if (text === undefined) complain(attribute, 'expects a text; put it in quotes')
  return text === '' ? undefined : text
}

function readType(value: unknown, complain: Complain): UserType | undefined {
  const type = USER_TYPES.find((known) => known === value)
  if (type === undefined && value !== undefined) complain('type', `expects one of ${USER_TYPES.join(', ')}`)
  return type
}

function readPassword(
  fields: Readonly<Record<string, unknown>>,
  type: UserType | undefined,
  variables: Variables,
  complain: Complain,
): FirstPassword | undefined {
  const given = (['password', 'passwordHash'] as const).filter((name) => (fields[name] ?? null) !== null)
  const [attribute] = given
  if (attribute === undefined) return undefined
  const value = fields[attribute]
  if (given.length > 1) complain(attribute, 'cannot be combined with passwordHash; give one of the two')
  if (type === 'SystemUserNoLogin') complain(attribute, 'a SystemUserNoLogin never signs in and has no password')
  if (typeof value !== 'string') complain(attribute, 'expects a text')
  else return attribute === 'password' ? clearPassword(value, variables, complain) : readHash(value, complain)
  return undefined
}

function clearPassword(text: string, variables: Variables, complain: Complain): FirstPassword | undefined {
  if (!isVariable(text)) {
    const remedy = `write \${NAME} and set that environment variable, or give an argon2id hash as passwordHash`
    complain('password', `a password must not be in a file in plain text: ${remedy}`)
    return undefined
  }
  const clear = readVariable(text, 'password', variables, complain)
  const reason = clear === undefined ? undefined : whyBadPassword(clear, isListedPassword)
  if (reason !== undefined) complain('password', `in the environment variable ${reason}`)
  return clear === undefined ? undefined : { clear }
}

function readHash(hash: string, complain: Complain): FirstPassword | undefined {
  const [, memory, passes] = ARGON2ID.exec(hash) ?? []
  if (memory === undefined)
    complain('passwordHash', 'expects an argon2id hash, such as $argon2id$v=19$m=19456,t=2,p=1$...')
  else if (Number(memory) > COSTLIEST.memory || Number(passes) > COSTLIEST.passes) {
    complain('passwordHash', `is too expensive to check: at most m=${COSTLIEST.memory}, t=${COSTLIEST.passes}`)
  } else return { hash }
  return undefined
}
