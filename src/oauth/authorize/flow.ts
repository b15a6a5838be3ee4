import type { SignInFacts } from '../../domain/access/authorization.ts'
import type { ReadCatalogue } from '../../domain/access/resource-indicators.ts'
import type { ResponseType } from '../../domain/apps/app-choices.ts'
import { type Sector, sectorOf } from '../../domain/apps/sector.ts'
import type { AuthorizationAnswer } from '../../domain/protocol/authorization-answer.ts'
import { withEmailOfProfile } from '../../domain/protocol/requested-claims.ts'
import type { Refused } from '../../domain/refusals/errors.ts'
import type { RunCheck } from '../../domain/refusals/run-check.ts'
import type { User } from '../../domain/users/user.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import type { ReadIdTokenHint } from './checks/id-token-hint.ts'
import { type InteractionProgress, mayMean, nextStep, type Step } from './interaction.ts'
import type { IssueAnswer } from './issue-answer.ts'
import type { EffectiveRequest, ReadEffectiveRequest } from './request/effective-request.ts'
import { findRedirect } from './request/find-redirect.ts'
import type { AuthorizationRequest, Redirectable } from './request/request.ts'
import { answerTo, errorParameters } from './respond.ts'
import { formOf, type Interactions } from './sealed-interaction.ts'
import { validate } from './validate.ts'

/** Whose sign-in session it is, and how they signed in. */
export interface LiveSession {
  readonly user: User
  readonly session: SignInFacts
}

interface Dependencies {
  readonly read: Pick<Repositories, 'apps' | 'sessionEpochs' | 'consents'>
  readonly clock: Clock
  readonly issuer: string
  readonly interactions: Interactions
  readonly issueAnswer: IssueAnswer
  readonly readEffective: ReadEffectiveRequest
  readonly readIdTokenHint: ReadIdTokenHint
  readonly readCatalogue: ReadCatalogue
  readonly responseTypes: readonly ResponseType[]
  readonly findSession: (cookie: string | undefined) => Promise<LiveSession | undefined>
  readonly subjectOf: (user: User, sector: Sector) => string
  readonly sessionStateParameter: (to: Redirectable, sid: string | undefined) => Readonly<Record<string, string>>
  /** Compatibility: `profile` brings the e-mail too. */
  readonly profileWithEmail: boolean
}

export type AuthorizeFlow = ReturnType<typeof createAuthorizeFlow>

/** The stations of an authorization request, in the order an endpoint passes them. @see RFC 6749 §4.1.1 */
export function createAuthorizeFlow(dependencies: Dependencies) {
  const {
    read,
    clock,
    issuer,
    interactions,
    issueAnswer,
    readEffective,
    readIdTokenHint,
    readCatalogue,
    responseTypes,
    findSession,
    subjectOf,
    sessionStateParameter,
    profileWithEmail,
  } = dependencies

  /** What has to happen next, with this sign-in session. */
  async function decideFor(
    request: AuthorizationRequest,
    progress: InteractionProgress,
    live: LiveSession | undefined,
  ): Promise<Step> {
    const { applicationUri } = request.app
    // Read before the consent is: what is taken back in between is then noticed, and not overlooked.
    const sessionEpoch = live ? await read.sessionEpochs.find(applicationUri, live.user.id) : 0
    const signedIn = live && { ...live, subject: subjectOf(live.user, sectorOf(request.app)), sessionEpoch }
    const consent = live && (await read.consents.find(live.user.id, applicationUri))
    return nextStep(request, progress, signedIn, consent, clock())
  }

  return {
    interactions,
    formOf,

    readEffective,

    /** @param runCheck notes how each check goes, for an explanation */
    findRedirect: (request: EffectiveRequest, runCheck?: RunCheck): Promise<Redirectable> =>
      findRedirect(request, read.apps, runCheck),

    async validate(
      request: EffectiveRequest,
      redirectable: Redirectable,
      runCheck?: RunCheck,
    ): Promise<AuthorizationRequest> {
      const offered = { readHint: readIdTokenHint, catalogue: await readCatalogue(), responseTypes }
      const valid = await validate(request, redirectable, offered, runCheck)
      if (!profileWithEmail) return valid
      return { ...valid, claims: withEmailOfProfile(valid.claims, valid.scope, valid.responseType === 'id_token') }
    },

    decideFor,

    /** @param cookie of the sign-in session, as the browser sent it */
    decide: async (
      request: AuthorizationRequest,
      progress: InteractionProgress,
      cookie: string | undefined,
    ): Promise<Step> => decideFor(request, progress, await findSession(cookie)),

    /** Whether a request may be meant for this person. */
    mayMean: (request: AuthorizationRequest, user: User): boolean =>
      mayMean(request, { user, subject: subjectOf(user, sectorOf(request.app)) }),

    issueAnswer,

    /** @param sid of the sign-in session that the app is told of */
    answer: (to: Redirectable, parameters: Readonly<Record<string, string>>, sid?: string): AuthorizationAnswer =>
      answerTo(to, { ...parameters, ...sessionStateParameter(to, sid) }, issuer),

    errorAnswer: (
      to: Redirectable,
      error: Pick<Refused, 'code' | 'description'>,
      refusalId: string,
      sid?: string,
    ): AuthorizationAnswer =>
      answerTo(to, { ...errorParameters(error, refusalId, issuer), ...sessionStateParameter(to, sid) }, issuer),

    /** The sign-in session of this browser, which errors tell of as well. @see OIDC Session Management §2 */
    findSid: async (cookie: string | undefined): Promise<string | undefined> =>
      (await findSession(cookie))?.session.sid,
  }
}
