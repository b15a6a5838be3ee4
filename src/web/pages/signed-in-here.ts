import type { FastifyRequest } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'
import type { User } from '../../domain/users/user.ts'
import type { AuthorizeFlow } from '../../oauth/authorize/flow.ts'
import type { Interaction } from '../../oauth/authorize/sealed-interaction.ts'
import type { SignInSessionsService } from '../../sign-in/session/sign-in-sessions.ts'
import type { Cookies } from '../kit/requests/cookies.ts'

interface Dependencies {
  readonly flow: Pick<AuthorizeFlow, 'interactions' | 'formOf' | 'findRedirect' | 'validate' | 'mayMean' | 'decideFor'>
  readonly cookies: Pick<Cookies, 'session'>
  readonly sessions: Pick<SignInSessionsService, 'find'>
  readonly issuer: string
}

/** What the sign-in page knows of whoever stands before it. @returns the way that it fills its form in */
export function createWhoIsHere(dependencies: Dependencies) {
  const { flow, issuer } = dependencies
  const whoStays = createWhoStays(dependencies)
  const whoConfirms = createWhoConfirms(dependencies)
  /** @param entered the login that they have typed already */
  return async (request: FastifyRequest, interaction: Interaction, entered: string | undefined) => {
    const known = await whoConfirms(request, interaction)
    const suggested = known?.login ?? (interaction.another ? undefined : flow.formOf(interaction).get('login_hint'))
    const username = entered ?? suggested ?? ''
    return {
      username,
      user: known?.login === username ? known : undefined,
      notYou: `${issuer}/login?interaction=${flow.interactions.seal({ ...interaction, another: true })}`,
      stay: await whoStays(request, interaction),
    }
  }
}

/** Whoever said that they are somebody else may have been wrong: who is signed in, and the way to go on as them. */
const createWhoStays =
  ({ flow, cookies, sessions, issuer }: Dependencies) =>
  async (request: FastifyRequest, { another, ...interaction }: Interaction) => {
    const live = another && (await sessions.find(cookies.session(request)))
    const sealed = flow.interactions.seal(interaction)
    return live && { name: live.user.name, href: `${issuer}/connect/authorize/continue?interaction=${sealed}` }
  }

/**
 * Who is asked to confirm that it is them: whoever is signed in in this browser, unless the request or they themselves say that it is
 * about somebody else.
 */
const createWhoConfirms =
  ({ flow, cookies, sessions }: Dependencies) =>
  async (request: FastifyRequest, interaction: Interaction): Promise<User | undefined> => {
    const live = interaction.another ? undefined : await sessions.find(cookies.session(request))
    if (!live) return undefined
    const form = flow.formOf(interaction)
    try {
      const valid = await flow.validate({ form }, await flow.findRedirect({ form }))
      return flow.mayMean(valid, live.user) ? live.user : undefined
    } catch (error) {
      // Of a request that is none any more the app is told once somebody has signed in.
      if (error instanceof Refused) return undefined
      throw error
    }
  }

/**
 * Whether whoever is signed in by now is all that the request wants, so that a page left open need not ask anybody. What comes next, also
 * a refusal, is told where the request goes on.
 */
export const createMayGoOn =
  ({ flow, cookies, sessions }: Pick<Dependencies, 'flow' | 'cookies' | 'sessions'>) =>
  async (request: FastifyRequest, interaction: Interaction): Promise<boolean> => {
    const live = interaction.another ? undefined : await sessions.find(cookies.session(request))
    if (!live || interaction.refused) return live !== undefined
    const form = flow.formOf(interaction)
    try {
      const valid = await flow.validate({ form }, await flow.findRedirect({ form }))
      return flow.mayMean(valid, live.user) && (await flow.decideFor(valid, interaction, live)).kind !== 'sign-in'
    } catch (error) {
      if (error instanceof Refused) return true
      throw error
    }
  }
