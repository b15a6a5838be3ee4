import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { valueOfSetting } from '../../domain/instance/instance-settings.ts'
import { isProtocolScope } from '../../domain/protocol/scope.ts'
import { whyBadName } from '../../domain/records/readable-name.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { type ReferenceTokenKind, whyNotPermitted } from '../../domain/tokens/reference-token.ts'
import type { User } from '../../domain/users/user.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { DAY, isoTime } from '../../lib/time/clock.ts'
import { readDuration, showDuration } from '../../lib/time/duration.ts'
import { readTime } from '../../lib/time/read-time.ts'

/** Milliseconds a token lives for which nothing is said. */
const USUAL_LIFETIME = 90 * DAY

/** What was read, or what is wrong with it. */
type Read<T> = { readonly value: T } | { readonly faults: readonly Fault[] }

const wrong = (attribute: string, reason: string): { readonly faults: readonly Fault[] } => ({
  faults: [{ attribute, reason }],
})

/** Reads which of the app's scopes a token is for; all of them where nothing is said. */
export function readTokenScope(text: string | undefined, app: TrustedApplication): Read<readonly string[]> {
  if (text === undefined) return { value: app.scope }
  const scopes = [...new Set(text.split(/\s+/).filter((scope) => scope !== ''))]
  if (scopes.length === 0) return wrong('scope', `names no scope; omit it for all of ${app.scope.join(' ')}`)
  const faults = scopes.flatMap((scope) => whyNoScope(scope, app))
  return faults.length > 0 ? { faults } : { value: scopes }
}

function whyNoScope(scope: string, { applicationUri, scope: registered }: TrustedApplication): readonly Fault[] {
  if (isProtocolScope(scope))
    return wrong('scope', `${scope} belongs to a sign-in, and a reference token is only for APIs; omit it`).faults
  if (registered.includes(scope)) return []
  const add = `tessera app update ${shellWord(applicationUri)} --set ${shellWord(`Scope=${[...registered, scope].join(' ')}`)}`
  const has = registered.length === 0 ? 'which lists none' : `which lists ${registered.join(' ')}`
  return wrong('scope', `${scope} is not in the Scope of ${applicationUri}, ${has}; add it with: ${add}`).faults
}

/**
 * Reads when a token ends: a time, or a length of time from now.
 * @param longest what the setting ReferenceTokenMaxLifetime holds
 * @param now milliseconds since 1970, as the answer is
 */
export function readTokenExpiry(text: string | undefined, longest: string | undefined, now: number): Read<number> {
  const most = valueOfSetting('ReferenceTokenMaxLifetime', longest)
  if (text === undefined) return { value: now + Math.min(USUAL_LIFETIME, most) }
  const lifetime = readDuration(text)
  const time = lifetime === undefined ? readTime(text) : now + lifetime
  if (time === undefined)
    return wrong('expires_at', 'expects a length of time such as 30d, or a time such as 2030-01-31T00:00:00Z')
  if (time <= now) return wrong('expires_at', 'is not in the future')
  if (time <= now + most) return { value: time }
  const allow = 'to allow more: tessera settings set ReferenceTokenMaxLifetime LENGTH'
  return wrong('expires_at', `is later than ${showDuration(most)} from now, ${isoTime(now + most)}; ${allow}`)
}

/** Reads what a token is called; by its kind and day where nothing is said. */
export function readTokenDescription(text: string | undefined, kind: ReferenceTokenKind, now: number): Read<string> {
  if (text === undefined) return { value: `${kind} of ${isoTime(now).slice(0, 10)}` }
  const reason = whyBadName(text)
  return reason === undefined ? { value: text.trim() } : wrong('description', reason)
}

/**
 * Says what keeps a token from being made as things stand, with what mends it, or `undefined`; the switches come before the policy.
 * @param user whom it would act as; an app may have no System User
 * @param maker who asks for it, as the audit log names them
 */
export function whyNotIssued(
  kind: ReferenceTokenKind,
  app: TrustedApplication,
  user: User | undefined,
  maker: string,
): Fault | undefined {
  const { applicationUri } = app
  const uri = shellWord(applicationUri)
  const set = (...changes: readonly string[]): string =>
    `tessera app update ${uri}${changes.map((change) => ` --set ${change}`).join('')}`
  const fault = (attribute: string, reason: string): Fault => ({ attribute, reason })

  if (!app.isEnabled) return fault('app', `${applicationUri} is disabled; enable it with: tessera app enable ${uri}`)
  if (app.clientType === 'None')
    return fault(
      'app',
      `${applicationUri} is registered as a note only (ClientType None); change that with: ${set('ClientType=Confidential')}`,
    )
  if (app.accessTokens === 'None')
    return fault('app', `${whyNone(app)}; change that with: ${set('AccessTokens=AuthenticatedUsers')}`)
  if (!user || (kind === 'SAT' && !app.systemUserAllowed)) {
    const mend = set('SystemUserAllowed=true', ...(app.systemUser === undefined ? ['SystemUser=LOGIN'] : []))
    return fault('app', `${applicationUri} may not act as a System User, and a SAT does; change that with: ${mend}`)
  }
  if (!user.isEnabled)
    return fault(
      'user',
      `${user.login} is disabled; enable the account with: tessera user enable ${shellWord(user.login)}`,
    )
  const unpermitted = whyNotPermitted(kind, app, user, maker)
  if (unpermitted !== undefined) {
    const about = user.type === 'InternalUser' ? 'app' : 'user'
    return fault(about, `${unpermitted}; ${mendPolicy(user, uri, set)}`)
  }
  if (app.scope.length > 0) return undefined
  return fault(
    'scope',
    `${applicationUri} has no scopes, so the token would open no API; add one with: ${set('Scope=read')}`,
  )
}

const whyNone = ({ applicationUri }: TrustedApplication): string =>
  `${applicationUri} does not accept reference tokens (AccessTokens None)`

/** What lets this person have a PAT, or gets an app what it needs. */
function mendPolicy({ type }: User, uri: string, set: (change: string) => string): string {
  if (type === 'SystemUserNoLogin') return `a System User has a SAT: tessera token issue-sat --app ${uri}`
  if (type !== 'InternalUser') return 'create one for an internal user'
  return `let an administrator create one, or change that with: ${set('AccessTokens=AuthenticatedUsers')}`
}
