import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'
import type { Cookies } from './cookies.ts'
import { requireOwnPage } from './csrf.ts'
import { queryForm } from './form-body.ts'

interface Dependencies {
  /** Those of sign-ins. */
  readonly interactions: { open(box: string, browser: string | undefined, accept: 'any'): unknown }
  readonly cookies: Pick<Cookies, 'bringsBrowser' | 'ensureBrowser'>
  readonly issuer: string
}

/**
 * A browser that brings no cookie to a sign-in under way either is another one, or keeps no cookies: it is given one and
 * comes back, and what it brings then tells which. A form came from a page that had the cookie.
 * @throws Refused `interaction_expired` where the browser keeps no cookies
 */
export const createRequireCookie =
  ({ interactions, cookies, issuer }: Dependencies) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (cookies.bringsBrowser(request)) return undefined
    if (request.method === 'POST') requireOwnPage(request, issuer)
    const query = queryForm(request)
    const interaction = query.get('interaction') ?? ''
    const refused = whyNotOpened(interactions, interaction)
    if (refused?.detail.rule !== 'interaction-elsewhere') return undefined
    if (request.method !== 'POST' && query.get('cookies') !== 'asked') {
      cookies.ensureBrowser(request, reply)
      const here = new URL(request.routeOptions.url ?? '', issuer).href
      return reply.redirect(`${here}?${new URLSearchParams({ interaction, cookies: 'asked' })}`, 303)
    }
    throw new Refused(
      'interaction_expired',
      'the browser keeps no cookies of this server',
      {
        rule: 'cookies-blocked',
        client_id: refused.detail['client_id'],
        cause: 'the cookie that the browser had just been given did not come back',
      },
      { restart: refused.restart },
    )
  }

function whyNotOpened(interactions: Dependencies['interactions'], box: string): Refused | undefined {
  try {
    interactions.open(box, undefined, 'any')
    return undefined
  } catch (error) {
    if (error instanceof Refused) return error
    throw error
  }
}
