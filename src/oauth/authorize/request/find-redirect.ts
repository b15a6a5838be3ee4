import { actsAlone, type TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { matchesRegistered } from '../../../domain/protocol/redirect-uri.ts'
import { aboutApp, Refused } from '../../../domain/refusals/errors.ts'
import { type RunCheck, runPlainly } from '../../../domain/refusals/run-check.ts'
import type { TrustedApplications } from '../../../store/repositories/apps/trusted-applications.ts'
import type { EffectiveRequest } from './effective-request.ts'
import { RESPONSE_MODES, type Redirectable, type ResponseMode } from './request.ts'

/** What `tessera explain` calls these two. */
export const REDIRECT_CHECKS = ['client_id', 'redirect_uri'] as const

/**
 * Proves where an answer may go. Nothing is redirected until app and redirect URI both hold.
 * @throws Refused for an error page
 * @see RFC 6749 §4.1.2.1, RFC 9700 §4.11.2
 */
export async function findRedirect(
  { form, fault }: EffectiveRequest,
  apps: Pick<TrustedApplications, 'find'>,
  runCheck: RunCheck = runPlainly,
): Promise<Redirectable> {
  const [clientId, registeredUri] = REDIRECT_CHECKS
  const app = await runCheck(clientId, () => requireUsableApp(form.require('client_id'), apps))
  // Where the address was in a request object that does not count, that is what is wrong.
  if (fault && !form.has('redirect_uri')) await runCheck(registeredUri, () => Promise.reject(fault))
  const redirectUri = await runCheck(
    registeredUri,
    () => onlyRegisteredUri(form, app) ?? requireRegisteredUri(requireRedirectUri(form, app), app),
  )
  const namesRedirect = form.has('redirect_uri')
  return { app, redirectUri, namesRedirect, state: form.get('state'), responseMode: safeResponseMode(form) }
}

/** An app that people can be sent back to. @throws Refused for an error page */
async function requireUsableApp(
  clientId: string,
  apps: Pick<TrustedApplications, 'find'>,
): Promise<TrustedApplication> {
  const app = await apps.find(clientId)
  if (app?.isEnabled && (app.clientType === 'Confidential' || app.clientType === 'Public')) return app
  const [rule, cause] =
    app === undefined
      ? (['app-unknown', 'no app has this ApplicationUri'] as const)
      : app.isEnabled
        ? (['app-is-note', `ClientType is ${app.clientType}`] as const)
        : (['app-disabled', 'the app is disabled'] as const)
  throw new Refused(
    'invalid_client',
    'client_id is not that of an app that people can sign in to',
    { rule, client_id: clientId, sent: clientId, cause },
    { status: 400 },
  )
}

/**
 * The address that a request may leave out: OpenID Connect always requires it, and OAuth where an app has several.
 * @see RFC 6749 §3.1.2.3, OIDC Core §3.1.2.1
 */
function onlyRegisteredUri(form: Form, { impersonateLoginUrl }: TrustedApplication): string | undefined {
  if (form.has('redirect_uri') || form.repeated.includes('scope')) return undefined
  if ((form.get('scope') ?? '').split(' ').includes('openid')) return undefined
  const [only, ...others] = impersonateLoginUrl
  return others.length === 0 ? only : undefined
}

/** @throws Refused that says whose request it is, for the page that tells the person */
function requireRedirectUri(form: Form, { applicationUri }: TrustedApplication): string {
  try {
    return form.require('redirect_uri')
  } catch (error) {
    throw error instanceof Refused ? aboutApp(error, applicationUri) : error
  }
}

/** @throws Refused for an error page @see RFC 9700 §2.1 */
export function requireRegisteredUri(redirectUri: string, app: TrustedApplication): string {
  const anyLoopbackPort = app.clientType === 'Public'
  if (app.impersonateLoginUrl.some((registered) => matchesRegistered(redirectUri, registered, anyLoopbackPort)))
    return redirectUri
  throw new Refused('invalid_request', 'redirect_uri is not registered for this app', {
    rule: 'redirect-uri-unregistered',
    client_id: app.applicationUri,
    cause: whyUnregistered(app),
    sent: redirectUri,
    expected: app.impersonateLoginUrl,
  })
}

const whyUnregistered = (app: TrustedApplication): string => {
  if (app.impersonateLoginUrl.length > 0) return 'no registered redirect URI is identical to this one, byte for byte'
  return actsAlone(app)
    ? 'the app has no redirect URI, as it acts on its own and nobody signs in to it'
    : 'the app has no redirect URI'
}

/** The mode an answer can safely use, even an error about the mode itself. @see OAuth 2.0 Multiple Response Types §5 */
function safeResponseMode(form: Form): ResponseMode {
  const read = (name: string): string => (form.repeated.includes(name) ? '' : (form.get(name) ?? ''))
  const usual = defaultResponseMode(read('response_type'))
  const asked = RESPONSE_MODES.find((mode) => mode === read('response_mode'))
  return asked !== undefined && allowsResponseMode(read('response_type'), asked) ? asked : usual
}

/** Tokens in the answer belong in the fragment, which servers never see. */
export const defaultResponseMode = (responseType: string): ResponseMode =>
  /token/.test(responseType) ? 'fragment' : 'query'

export const allowsResponseMode = (responseType: string, mode: ResponseMode): boolean =>
  mode !== 'query' || defaultResponseMode(responseType) === 'query'
