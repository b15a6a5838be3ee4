import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'
import { looksLikeReferenceToken, madeByToken } from '../../../domain/tokens/reference-token.ts'
import type { User } from '../../../domain/users/user.ts'
import type { Repositories } from '../../../store/store.ts'
import { readBearerToken } from '../requests/bearer-token.ts'
import { requireOwnPage } from '../requests/csrf.ts'

type Unit = Pick<Repositories, 'sessions' | 'users'>

/** Who is signed in, and how the audit log names what they do. */
export interface SignedInPerson {
  readonly id: string
  readonly actor: {
    readonly actor: string
    readonly address: string
    /** Looks for the session again in what a unit of work sees. @throws Refused `login_required` */
    readonly recheck: (unit: Unit) => Promise<unknown>
  }
}

type Session = { readonly user: Pick<User, 'id'> } | undefined

declare module 'fastify' {
  interface FastifyRequest {
    person: SignedInPerson | undefined
  }
}

interface Dependencies {
  readonly findSession: (request: FastifyRequest) => Promise<Session>
  /** The same in what a unit of work sees. */
  readonly findSessionIn: (unit: Unit, request: FastifyRequest) => Promise<Session>
  readonly issuer: string
}

/**
 * Lets only people in who are signed in with this browser; changes only from pages of this server. No token counts.
 * @see RFC 6265bis §8.8.1
 */
export function requireSignedIn(server: FastifyInstance, { findSession, findSessionIn, issuer }: Dependencies): void {
  server.decorateRequest('person', undefined)
  server.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.unguarded === true) return
    // What a page elsewhere makes a browser read, it cannot see; what it makes a browser change would be done.
    if (!isReading(request)) requireOwnPage(request, issuer)
    refuseToken(request)
    const { id } = requireSession(await findSession(request)).user
    const recheck = async (unit: Unit) => requireSession(await findSessionIn(unit, request))
    request.person = { id, actor: { actor: `user:${id}`, address: request.ip, recheck } }
  })
}

/** Whether a request changes nothing. @see RFC 9110 §9.2.1 */
export const isReading = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'

function requireSession(session: Session): NonNullable<Session> {
  if (session) return session
  throw sessionMissing('nobody is signed in with this browser', 'the request came without a valid sign-in session')
}

/** What a token may do says nothing about what its holder may do here. */
function refuseToken(request: FastifyRequest): void {
  const token = readBearerToken(request, undefined)
  if (token === undefined && request.headers.authorization === undefined) return
  if (token !== undefined && looksLikeReferenceToken(token)) throw madeByToken({})
  throw sessionMissing(
    'an access token is not accepted here: sign in with the browser, and omit the Authorization header',
    'an Authorization header came with the request',
  )
}

const sessionMissing = (description: string, cause: string): Refused =>
  new Refused('login_required', description, { rule: 'browser-session-missing', cause }, { status: 401 })

/** A cookie has no scheme of its own that browsers know; the name says what is missing. @see RFC 9110 §11.6.1 */
export const challengeOfSession = (_request: FastifyRequest, { status }: Refused): string | undefined =>
  status === 401 ? 'Cookie realm="tessera"' : undefined

/** Who is signed in; only behind `requireSignedIn`. */
export function personOf({ person }: { readonly person: SignedInPerson | undefined }): SignedInPerson {
  if (!person) throw sessionMissing('nobody is signed in with this browser', 'the guard is missing')
  return person
}
