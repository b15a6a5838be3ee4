import type { SignInFacts } from '../../domain/access/authorization.ts'
import { consentItems } from '../../domain/access/consent-items.ts'
import { apiScopesBeyond, whyNotAdmitted } from '../../domain/access/user-access.ts'
import { destinationOf, isOpenToThisDevice } from '../../domain/protocol/redirect-uri.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { isNamedBy, type User } from '../../domain/users/user.ts'
import { SECOND } from '../../lib/time/clock.ts'
import type { Consent } from '../../store/repositories/users/consents.ts'
import type { AuthorizationRequest } from './request/request.ts'

/** Who is signed in in this browser. */
export interface SignedIn {
  readonly user: User
  readonly subject: string
  readonly session: SignInFacts
  /** Of the app and this person, from before anything was checked. */
  readonly sessionEpoch: number
}

/** What the person has done for this request so far. */
export interface InteractionProgress {
  /** The sign-in that was made for this request. */
  readonly signedIn?: { readonly sid: string; readonly authTime: number }
  /** Under which session epoch the consent page was shown: after another one it may leave out what is missing by now. */
  readonly asked?: number
  /** Who consented to this request, and under which session epoch: what is taken back since was not given. */
  readonly consented?: { readonly user: string; readonly sessionEpoch: number }
}

/**
 * What has to happen next, in this order: who somebody is, then what else they must prove or do, then what they allow.
 * A second factor, an address to verify or a password to renew is a kind `prove-more` between sign-in and consent, with its reasons as
 * a closed union; `nextStep` decides on it after `requireAdmitted`. The web wing then does not compile until it has a page.
 */
export type Step =
  | { readonly kind: 'sign-in' }
  | {
      readonly kind: 'consent'
      readonly signedIn: SignedIn
      readonly scope: readonly string[]
      /** Whether no consent of before counts, for it may have been for another program. */
      readonly eachTime: boolean
    }
  | {
      readonly kind: 'ready'
      readonly signedIn: SignedIn
      /** What the answer takes to be allowed. */
      readonly consent: readonly string[]
    }

/** A step that takes a page: all of them but the last. */
export type PageStep = Exclude<Step, { readonly kind: 'ready' }>

/**
 * Decides whether the person must sign in, must consent, or the app can have its answer.
 * @param now milliseconds since 1970
 * @throws Refused to be redirected, when the app wants silence or the person may not use the app
 * @see OIDC Core §3.1.2.3, §3.1.2.4
 */
export function nextStep(
  request: AuthorizationRequest,
  progress: InteractionProgress,
  signedIn: SignedIn | undefined,
  consent: Consent | undefined,
  now: number,
): Step {
  const silent = request.prompt.has('none')
  if (!signedIn || mustSignInAgain(request, progress, signedIn, now)) {
    if (silent) {
      const cause = signedIn
        ? 'somebody is signed in, but prompt, max_age or id_token_hint asks for a new sign-in, and prompt=none forbids the page'
        : 'nobody is signed in with this browser, and prompt=none forbids the sign-in page'
      throw new Refused('login_required', 'nobody is signed in, or they must sign in again', {
        rule: 'sign-in-required',
        client_id: request.app.applicationUri,
        sent: 'prompt=none',
        cause,
      })
    }
    return { kind: 'sign-in' }
  }
  if (!isExpectedPerson(request, signedIn)) {
    throw new Refused('login_required', 'another person signed in than the app asked for', {
      rule: 'other-person-signed-in',
      client_id: request.app.applicationUri,
      cause: 'id_token_hint names one person, and another one signed in',
    })
  }
  requireAdmitted(request, signedIn.user)
  const consentedNow = hasConsentedNow(progress, signedIn)
  const eachTime = isAskedEachTime(request)
  const scope = scopesToConsent(request, consentedNow, consent)
  if (scope.length === 0 && (consentedNow || !eachTime))
    return { kind: 'ready', signedIn, consent: request.app.requireConsent ? consentItems(request) : [] }
  if (silent && eachTime) {
    throw new Refused('consent_required', 'the person is asked each time, as this app cannot prove its identity', {
      rule: 'consent-each-time',
      client_id: request.app.applicationUri,
      sent: 'prompt=none',
      cause: `any program on the device could receive the response at ${destinationOf(request.redirectUri)}, and prompt=none forbids the consent page`,
    })
  }
  if (silent) {
    throw new Refused('consent_required', 'the person has not consented to everything the app asks for', {
      rule: 'consent-required',
      client_id: request.app.applicationUri,
      sent: request.scope.join(' '),
      missing: scope,
      cause: `consent is missing for ${scope.join(' ')}, and prompt=none forbids the consent page`,
    })
  }
  return { kind: 'consent', signedIn, scope, eachTime }
}

const isExpectedPerson = ({ subjectHint }: AuthorizationRequest, { subject }: Pick<SignedIn, 'subject'>): boolean =>
  subjectHint === undefined || subjectHint === subject

/** Whether a request may be meant for whoever is signed in: it names nobody else, and does not ask who it is. @see OIDC Core §3.1.2.1 */
export const mayMean = (request: AuthorizationRequest, signedIn: Pick<SignedIn, 'user' | 'subject'>): boolean =>
  !request.prompt.has('select_account') &&
  isExpectedPerson(request, signedIn) &&
  (request.loginHint === undefined || isNamedBy(request.loginHint, signedIn.user))

const hasConsentedNow = ({ consented }: InteractionProgress, { user, sessionEpoch }: SignedIn): boolean =>
  consented?.user === user.id && consented.sessionEpoch === sessionEpoch

/** A sign-in made for this very request satisfies everything; an older one is checked against prompt, max_age and hint. */
function mustSignInAgain(
  request: AuthorizationRequest,
  progress: InteractionProgress,
  signedIn: SignedIn,
  now: number,
): boolean {
  const { sid, authTime } = signedIn.session
  if (progress.signedIn?.sid === sid && progress.signedIn.authTime === authTime) return false
  if (request.prompt.has('login') || request.prompt.has('select_account')) return true
  if (request.maxAge !== undefined && now - authTime > request.maxAge * SECOND) return true
  return request.maxAge === 0 || !isExpectedPerson(request, signedIn)
}

/** The part of a request that decides for whom it is. */
export type AskedOfPerson = Pick<AuthorizationRequest, 'app' | 'scope' | 'isScopeDefault'>

/** Lets only people in that the record admits, and only internal users to the APIs of the instance. */
export function requireAdmitted({ app, scope, isScopeDefault }: AskedOfPerson, user: User): void {
  const who = { client_id: app.applicationUri, user: user.id, user_type: user.type }
  const reason = whyNotAdmitted(app, user)
  if (reason !== undefined)
    throw new Refused('access_denied', reason, { rule: 'person-not-admitted', ...who, cause: reason })
  const beyond = apiScopesBeyond(user, scope)
  if (beyond.length > 0 && isScopeDefault) {
    throw new Refused('invalid_scope', 'without scope the request is for API scopes, which community users never get', {
      rule: 'community-user-scope-missing',
      ...who,
      cause: `scope was not sent, so the request is for ${beyond.join(' ')}; the user is of type ${user.type}, and API scopes are for internal users`,
    })
  }
  if (beyond.length > 0) {
    throw new Refused(
      'invalid_scope',
      `community users have no access to the APIs of the instance: ${beyond.join(' ')}`,
      {
        rule: 'community-user-api-scope',
        ...who,
        sent: scope.join(' '),
        expected: scope.filter((name) => !beyond.includes(name)).join(' '),
        cause: `the user is of type ${user.type}; API scopes are for internal users`,
      },
    )
  }
}

/** Any program on the device could send this request and get the answer: no consent of before tells that it is the same one. @see RFC 8252 §8.6 */
const isAskedEachTime = ({ app, redirectUri }: AuthorizationRequest): boolean =>
  app.clientType === 'Public' && isOpenToThisDevice(redirectUri)

/** What is new since the last consent, or all of it when it is to be asked anew. @see OIDC Core §3.1.2.4 */
function scopesToConsent(
  request: AuthorizationRequest,
  consentedNow: boolean,
  consent: Consent | undefined,
): readonly string[] {
  const items = consentItems(request)
  if ((request.prompt.has('consent') || isAskedEachTime(request)) && !consentedNow) return items
  if (!request.app.requireConsent) return []
  return items.filter((item) => !consent?.scope.includes(item))
}
