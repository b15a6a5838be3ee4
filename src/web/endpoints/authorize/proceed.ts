import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refused } from '../../../domain/refusals/errors.ts'
import { digest } from '../../../lib/crypto/secrets.ts'
import type { AuthorizeFlow } from '../../../oauth/authorize/flow.ts'
import type { PageStep } from '../../../oauth/authorize/interaction.ts'
import type { EffectiveRequest } from '../../../oauth/authorize/request/effective-request.ts'
import type { Redirectable } from '../../../oauth/authorize/request/request.ts'
import type { Interaction } from '../../../oauth/authorize/sealed-interaction.ts'
import type { SendAnswer } from '../../kit/answers/send-answer.ts'
import type { Cookies } from '../../kit/requests/cookies.ts'
import type { AuthorizeErrors } from './authorize-errors.ts'

interface Dependencies {
  readonly flow: Pick<AuthorizeFlow, 'interactions' | 'findRedirect' | 'validate' | 'decide' | 'issueAnswer' | 'answer'>
  readonly cookies: Pick<Cookies, 'ensureBrowser' | 'session' | 'showState'>
  readonly sendAnswer: SendAnswer
  readonly browserStateOf: (sid: string) => string
  readonly issuer: string
}

/** Where the person goes for each step that takes a page; a new kind of step needs its page here. */
const PAGES: Readonly<Record<PageStep['kind'], string>> = { 'sign-in': 'login', consent: 'consent' }

// Somebody would have to end something each time.
const MOST_ATTEMPTS = 3

/** Sign in, consent or answer, whichever is next; until the redirect URI holds, a refusal is a page. */
export function createProceed(
  { flow, cookies, sendAnswer, browserStateOf, issuer }: Dependencies,
  errors: Pick<AuthorizeErrors, 'answer'>,
) {
  const sealed = (interaction: Interaction): string => `interaction=${flow.interactions.seal(interaction)}`

  return async function proceed(
    request: FastifyRequest,
    reply: FastifyReply,
    asked: EffectiveRequest,
    begun?: Interaction,
    attempt = 1,
  ): Promise<FastifyReply> {
    const redirectable = await flow.findRedirect(asked)
    try {
      const valid = await flow.validate(asked, redirectable)
      const interaction = begun ?? flow.interactions.start(asked.form)
      if (request.method === 'POST')
        return reply.redirect(`${issuer}/connect/authorize/continue?${sealed(interaction)}`, 303)
      const step = await flow.decide(valid, interaction, cookies.session(request))
      if (step.kind === 'ready') {
        if (request.method === 'HEAD') return answerWithoutCode(reply, valid)
        const parameters = await flow.issueAnswer({
          request: valid,
          signedIn: step.signedIn,
          consent: step.consent,
          interaction: interaction.id,
          address: request.ip,
        })
        // What ended meanwhile is checked as it is now: the person is asked again, or the app is refused.
        if (!parameters && attempt < MOST_ATTEMPTS) return proceed(request, reply, asked, interaction, attempt + 1)
        if (!parameters) throw endedMeanwhile(valid)
        const { sid } = step.signedIn.session
        cookies.showState(request, reply, browserStateOf(sid))
        return sendAnswer(request, reply, flow.answer(valid, parameters, sid))
      }
      const browser = digest(cookies.ensureBrowser(request, reply))
      return reply.redirect(`${issuer}/${PAGES[step.kind]}?${sealed({ ...interaction, browser })}`, 303)
    } catch (error) {
      if (!(error instanceof Refused) || error.code === 'interaction_expired') throw error
      return errors.answer(request, reply, asked.form, redirectable, error)
    }
  }
}

/** HEAD gets the status of GET, and no address that only an issued code completes. @see RFC 9110 §9.3.2 */
const answerWithoutCode = (reply: FastifyReply, { responseMode }: Redirectable): FastifyReply =>
  reply.code(responseMode === 'form_post' ? 200 : 303).send()

const endedMeanwhile = ({ app }: Redirectable): Refused =>
  new Refused('access_denied', 'the access of the app was ended during this request; begin again', {
    rule: 'grant-ended',
    client_id: app.applicationUri,
    cause: 'in each attempt consent was withdrawn, the person signed out, or app or user was disabled meanwhile',
  })
