import type { FastifyRequest } from 'fastify'
import { type Sector, sectorOf } from '../../domain/apps/sector.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { namedAtUserInfo, scopesOfClaims } from '../../domain/protocol/requested-claims.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { User } from '../../domain/users/user.ts'
import type { LookUpToken } from '../../oauth/tokens/lookup/find-token.ts'
import type { ActiveToken, InactiveToken } from '../../oauth/tokens/lookup/token-status.ts'
import type { SignInSessionsService } from '../../sign-in/session/sign-in-sessions.ts'
import { readBearerToken } from '../kit/requests/bearer-token.ts'
import type { Cookies } from '../kit/requests/cookies.ts'
import { cameFromElsewhere } from '../kit/requests/csrf.ts'

/** Somebody who asks about themselves. */
export interface Person {
  readonly user: User
  /** What they are called here: their stable id, or the `sub` of the pairwise app that asks. */
  readonly id: string
  /** Whether their login may be told. */
  readonly tellsLogin: boolean
  /** Whether what the person agreed to, or that they ask themselves, lets out what a protocol scope stands for. */
  readonly tells: (scope: 'profile' | 'email' | 'phone') => boolean
}

export interface Dependencies {
  readonly lookUpToken: LookUpToken
  readonly sessions: Pick<SignInSessionsService, 'find'>
  readonly cookies: Pick<Cookies, 'session'>
  readonly subjectOf: (user: User, sector: Sector) => string
  /** Identifier of the API of the instance itself. */
  readonly defaultResource: string
}

/** What only the operator is told. */
type Why = Omit<InactiveToken, 'kind'>

const MISSING: Why = {
  rule: 'access-token-missing',
  cause: 'the request came with neither an Authorization: Bearer header nor the cookie of a valid sign-in',
}
const REFRESH_TOKEN: Why = {
  rule: 'access-token-foreign',
  cause: 'a refresh token was sent instead of an access token',
}
const SERVICE: Why = { rule: 'access-token-of-service', cause: 'the token acts for the app itself' }
const ELSEWHERE: Why = {
  rule: 'access-token-without-openid',
  cause: 'the token is not for the API of the instance, and openid was not asked for at sign-in',
}

const refuse = (
  code: 'invalid_token' | 'insufficient_scope',
  description: string,
  { rule, cause, user }: Why,
  app?: TrustedApplication,
): Refused => new Refused(code, description, { rule, cause, user, client_id: app?.applicationUri })

/**
 * Says who asks: whose access token it is, or who is signed in here. A token that is sent counts alone, good or bad.
 * @throws Refused `invalid_token`, `insufficient_scope`, or `invalid_request` for a malformed header
 * @see RFC 6750 §3.1
 */
export function createFindPerson({ lookUpToken, sessions, cookies, subjectOf, defaultResource }: Dependencies) {
  return async function findPerson(request: FastifyRequest): Promise<Person> {
    const bearer = readBearerToken(request, undefined)
    if (bearer !== undefined) return personOf(await lookUpToken(bearer))
    const alone = request.headers.authorization === undefined && !cameFromElsewhere(request)
    const signedIn = alone ? await sessions.find(cookies.session(request)) : undefined
    if (!signedIn) throw refuse('invalid_token', 'an access token or a sign-in is required', MISSING)
    const { user } = signedIn
    return { user, id: user.id, tellsLogin: true, tells: () => true }
  }

  function personOf(token: ActiveToken | InactiveToken): Person {
    if (token.kind !== 'access_token') {
      const why = token.kind === 'inactive' ? token : REFRESH_TOKEN
      throw refuse('invalid_token', 'the access token is unknown, expired or revoked', why, token.app)
    }
    const { interactive, scope, user, claims, app } = token
    if (!interactive) throw refuse('insufficient_scope', 'a service token does not act for a person', SERVICE, app)
    const isForInstance = [claims.aud ?? []].flat().includes(defaultResource)
    if (!isForInstance && !scope.includes('openid'))
      throw refuse('insufficient_scope', 'the access token lacks the scope: openid', ELSEWHERE, app)
    const pairwise = app.subjectType !== 'public'
    const id = pairwise ? subjectOf(user, sectorOf(app)) : user.id
    const tellsLogin = !pairwise || scope.includes('profile')
    const { idToken } = token.requested
    const asked = scopesOfClaims({ idToken, userinfo: namedAtUserInfo(token.requested, scope) })
    return { user, id, tellsLogin, tells: (name) => isForInstance || scope.includes(name) || asked.includes(name) }
  }
}
