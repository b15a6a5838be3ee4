import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AuthorizationAnswer } from '../../../domain/protocol/authorization-answer.ts'
import { readableDestination } from '../../../domain/protocol/redirect-uri.ts'
import type { RenderPage } from './pages.ts'

export type SendAnswer = (request: FastifyRequest, reply: FastifyReply, answer: AuthorizationAnswer) => FastifyReply

/**
 * Sends the browser back to the app. A form posts itself; a button does the same where scripts are off.
 * @see RFC 6749 §4.1.2, OAuth 2.0 Form Post Response Mode §2
 */
export const createSendAnswer =
  (renderPage: RenderPage): SendAnswer =>
  (request, reply, answer) => {
    if (answer.kind === 'redirect') return reply.redirect(answer.url, 303)
    const { redirectUri, parameters } = answer
    return renderPage(request, reply, {
      template: 'form-post',
      endsAtApp: true,
      ownScript: true,
      place: null,
      data: () => ({
        action: redirectUri,
        fields: Object.entries(parameters),
        destination: readableDestination(redirectUri),
      }),
    })
  }
