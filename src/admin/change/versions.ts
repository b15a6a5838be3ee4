import { type ApiResource, showResource } from '../../domain/access/api-resource.ts'
import { showRegistration } from '../../domain/apps/app-attributes.ts'
import { showSecret } from '../../domain/apps/app-record.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { User } from '../../domain/users/user.ts'
import { showUser } from '../../domain/users/user-attributes.ts'
import { digest } from '../../lib/crypto/secrets.ts'

/** Tells one state of a record from every other; the password and the use of a secret are no part of it. */
const versionOf = (...parts: readonly unknown[]): string => digest(JSON.stringify(parts)).replaceAll('=', '')

export const versionOfApp = (app: TrustedApplication): string =>
  versionOf(showRegistration(app), app.isEnabled, app.epoch, app.updatedAt, app.secrets.map(showSecret))

export const versionOfUser = (user: User): string => versionOf(showUser(user), user.epoch, user.updatedAt)

export const versionOfResource = (resource: ApiResource): string => versionOf(showResource(resource))

export const versionOfSettings = (settings: readonly { readonly value: string; readonly from: string }[]): string =>
  versionOf(settings.map(({ value, from }) => [value, from]))

/** Whether a state of a record is the one the caller has seen. */
export type Expected = (version: string) => boolean

/** Asked inside the transaction that writes, so that of two who saw the same state one wins. @see RFC 9110 §13.1.1 */
export function requireExpected(version: string, expected: Expected): void {
  if (expected(version)) return
  throw new Refused('precondition_failed', 'the record has changed since it was read; read it again', {
    rule: 'record-changed',
    cause: 'If-Match names an older version of the record than the current one',
    expected: `If-Match "${version}"`,
  })
}
