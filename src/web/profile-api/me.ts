import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Refused } from '../../domain/refusals/errors.ts'
import { alsoVary, speak } from '../kit/answers/messages.ts'
import { createFindPerson, type Dependencies as FindPersonDependencies, type Person } from './person.ts'

interface Dependencies extends FindPersonDependencies {
  /** Origin of the issuer: what every URL here begins with. */
  readonly origin: string
  /** Name of the instance's database. */
  readonly database: string
}

/** The pages of a person's own site that `links` names, by member; one that there is not yet is null there. */
const PAGES: Readonly<
  Record<'profile' | 'changePassword' | 'accessTokens' | 'devices', { path: string; exists: boolean }>
> = {
  profile: { path: '', exists: false },
  changePassword: { path: '/security/password', exists: false },
  accessTokens: { path: '/security/tokens', exists: false },
  devices: { path: '/devices', exists: false },
}

/** Two hours, in seconds. */
const PICTURE_CACHE = 'private, max-age=7200'

/** What the instance knows of the person who asks, for apps and for the pages of the instance. */
export async function profileMeEndpoint(
  server: FastifyInstance,
  { origin, database, ...dependencies }: Dependencies,
): Promise<void> {
  const findPerson = createFindPerson(dependencies)
  const config = { bearer: true } as const

  server.get('/profile/me', { config }, async (request, reply) => {
    const person = await findPerson(request)
    speak(request, reply)
    return reply.header('cache-control', 'no-store').send(describe(person))
  })

  /** The picture is kept elsewhere and has one size; whoever shows it scales it. */
  async function picture(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const person = await findPerson(request)
    const url = pictureOf(person)
    if (url === undefined) throw withoutPicture(person)
    return alsoVary(reply, 'Authorization', 'Cookie').header('cache-control', PICTURE_CACHE).redirect(url, 302)
  }
  for (const path of ['/profile/me/picture', '/profile/me/picture/64', '/profile/me/picture/128'])
    server.get(path, { config }, picture)

  function describe(person: Person) {
    const { user, id, tellsLogin, tells } = person
    const hasPicture = pictureOf(person) !== undefined
    const at = (path: string): string => `${origin}/profile${path}`
    return {
      id,
      login: tellsLogin ? user.login : null,
      name: tells('profile') ? user.name : null,
      email: (tells('email') ? user.email : undefined) ?? null,
      phoneNumber: (tells('phone') ? user.profile.phoneNumber : undefined) ?? null,
      isAdmin: user.isAdmin,
      isActive: user.isEnabled,
      userType: user.type,
      preferredLanguage: (tells('profile') ? user.locale : undefined) ?? null,
      pictureUrl: hasPicture ? at('/me/picture/64') : null,
      largePictureUrl: hasPicture ? at('/me/picture/128') : null,
      person: null,
      domain: null,
      instance: { database, url: origin },
      links: Object.fromEntries(
        Object.entries(PAGES).map(([name, { path, exists }]) => [name, exists ? at(path) : null]),
      ),
    }
  }
}

const pictureOf = ({ user, tells }: Person): string | undefined => (tells('profile') ? user.profile.picture : undefined)

/** Why there is nothing to show is for the operator: to an app, a picture that it may not see is none. */
const withoutPicture = ({ user, tells }: Person): Refused =>
  new Refused('not_found', 'there is no picture', {
    rule: 'picture-missing',
    user: user.id,
    ...(tells('profile')
      ? { cause: 'the user has no picture' }
      : { cause: 'the access token lacks the scope: profile', missing: 'profile' }),
  })
