import type { Fault } from '../refusals/errors.ts'
import { type NewUser, type User, whyBadLogin } from './user.ts'
import { type Detail, type Details, detailsOf, isText, NOTHING_KNOWN, USER_DETAILS } from './user-details.ts'

export type ShownUser = Readonly<Record<string, string | boolean | null>> & { readonly id: string }

/** A user under the names that files, commands and the administration API use; never a password or its hash. */
export function showUser(user: User): ShownUser {
  const details = detailsOf(user)
  const shown = USER_DETAILS.map((detail) => [detail.name, details[detail.name] ?? (isText(detail) ? null : false)])
  return {
    id: user.id,
    login: user.login,
    type: user.type,
    ...(Object.fromEntries(shown) as Record<string, string | boolean | null>),
    isEnabled: user.isEnabled,
  }
}

/** Everything that is wrong with a user record. @param now milliseconds since 1970 */
export function userFaults(user: NewUser, now: number): Fault[] {
  const details: Partial<Details> = detailsOf({ ...NOTHING_KNOWN, name: user.login, ...user })
  const fault = (attribute: string, reason: string | undefined): Fault[] =>
    reason === undefined ? [] : [{ attribute, reason }]
  const named = user.name === undefined ? USER_DETAILS.filter(({ name }) => name !== 'name') : USER_DETAILS
  return [
    ...fault('login', whyBadLogin(user.login)),
    ...named.flatMap((detail) => fault(detail.name, whyBadDetail(detail, details, now))),
  ]
}

function whyBadDetail({ name, whyBad, of }: Detail, details: Partial<Details>, now: number): string | undefined {
  const value = details[name]
  if (value === true && of !== undefined && details[of] === undefined)
    return `needs ${of === 'email' ? 'an' : 'a'} ${of}`
  return typeof value === 'string' ? whyBad?.(value, now) : undefined
}
