import { faultsOf, type RegistrationFault } from '../domain/registration-rules.ts'
import { type AppRegistration, isInteractive } from '../domain/trusted-application.ts'
import type { Repositories } from '../repositories/store.ts'
import { findUser, similarUser } from './find-user.ts'
import { wrongUsage } from './problem.ts'

interface Judgement {
  /** Login, e-mail or id of the System User, where the command names one. */
  readonly systemUser: string | undefined
  /** What the command itself finds wrong. */
  readonly faults?: readonly RegistrationFault[]
  /** The flag behind an attribute, to be named with its fault. */
  readonly flags?: Readonly<Record<string, string>>
}

/**
 * Judges a registration before it is stored, and puts the id of its System User in.
 * @throws Problem with every fault, one line each
 */
export async function judge(
  wanted: AppRegistration,
  { users }: Pick<Repositories, 'users'>,
  { systemUser, faults = [], flags = {} }: Judgement,
): Promise<AppRegistration> {
  const found = systemUser === undefined ? undefined : await findUser(users, systemUser)
  const app = systemUser === undefined ? wanted : { ...wanted, systemUser: found?.id ?? systemUser }
  const flagOf = (attribute: string): string => (flags[attribute] === undefined ? '' : `; see ${flags[attribute]}`)
  const lines = [
    ...faults.map(({ attribute, reason }) => `${attribute}: ${reason}`),
    ...faultsOf(app).map(({ attribute, reason }) => `${attribute}: ${reason}${flagOf(attribute)}`),
    ...(systemUser === undefined
      ? []
      : (await whyNotSystemUser(systemUser, found, users)).map((reason) => `SystemUser: ${reason}`)),
  ]
  if (lines.length > 0) throw wrongUsage(...lines)
  return app
}

type Found = Awaited<ReturnType<typeof findUser>>

async function whyNotSystemUser(name: string, user: Found, users: Repositories['users']): Promise<string[]> {
  if (!user) {
    const remedy = `; make the account with: tessera user add ${name} --type SystemUserNoLogin`
    return [`nobody is called ${JSON.stringify(name)}${(await similarUser(users, name)) || remedy}`]
  }
  if (user.type !== 'SystemUserNoLogin') return [`${user.login} is of type ${user.type}, not SystemUserNoLogin`]
  if (!user.isEnabled) return [`${user.login} is disabled; enable the account with: tessera user enable ${user.login}`]
  return []
}

/** What is possible but hardly meant. */
export function doubtsAbout(app: AppRegistration): string[] {
  const doubts: readonly (readonly [boolean, string])[] = [
    [
      app.basicAuthenticationAllowed,
      'BasicAuthenticationAllowed is kept as a note only: no password ever opens an API',
    ],
    [app.clientType === 'None', 'ClientType None registers the app as a note only: no flow works for it'],
    [
      app.clientType !== 'None' && !isInteractive(app) && !app.systemUserAllowed,
      'nobody can use the app: it admits no users and has no System User',
    ],
    [
      app.systemUserAllowed && app.scope.length === 0,
      'Scope is empty: what the app gets as its System User opens no API',
    ],
    [
      app.scope.some((scope) => scope.includes(',')),
      'Scope names hold a comma: scopes are separated by spaces, as in "read update"',
    ],
    [
      app.systemUser !== undefined && !app.systemUserAllowed,
      'SystemUserAllowed is false, so the app cannot act as its SystemUser',
    ],
  ]
  return doubts.filter(([holds]) => holds).map(([, doubt]) => doubt)
}
