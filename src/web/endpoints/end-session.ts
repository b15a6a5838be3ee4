import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Form, refuseRepeated } from '../../domain/protocol/form.ts'
import type { Logout } from '../../sign-in/logout/logout.ts'
import { bodyForm, queryForm } from '../kit/requests/form-body.ts'

interface Dependencies {
  readonly logout: Pick<Logout, 'begin' | 'seal'>
  readonly issuer: string
}

/** The end-session endpoint; the page it leads to has the cookie that a cross-site POST does not carry. @see OIDC RP-Initiated Logout §2 */
export async function endSessionEndpoint(server: FastifyInstance, { logout, issuer }: Dependencies): Promise<void> {
  async function begin(form: Form, reply: FastifyReply): Promise<FastifyReply> {
    const interaction = await logout.begin(refuseRepeated(form))
    return reply.redirect(`${issuer}/logout?interaction=${logout.seal(interaction)}`, 303)
  }

  const config = { page: true } as const
  server.get('/connect/endsession', { config }, (request, reply) => begin(queryForm(request), reply))
  server.post('/connect/endsession', { config }, (request, reply) => begin(bodyForm(request), reply))
}
