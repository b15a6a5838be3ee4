import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../../domain/instance/audit.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { createRarely } from '../../lib/flow/rarely.ts'
import { type Clock, MINUTE } from '../../lib/time/clock.ts'
import type { AuthorizeFlow } from '../../oauth/authorize/flow.ts'
import type { Step } from '../../oauth/authorize/interaction.ts'
import type { AuthorizationRequest } from '../../oauth/authorize/request/request.ts'
import type { Interaction } from '../../oauth/authorize/sealed-interaction.ts'
import type { Write } from '../../store/store.ts'
import type { Refuse } from '../kit/answers/refusals.ts'
import type { SendAnswer } from '../kit/answers/send-answer.ts'
import type { Activity } from '../kit/limits/activity.ts'

export interface AnswerDependencies {
  readonly flow: Pick<AuthorizeFlow, 'errorAnswer'>
  readonly refuse: Refuse
  readonly sendAnswer: SendAnswer
  /** @throws Refused while nothing new may be stored */
  readonly requireDiskSpace: () => void
  readonly writeAlone: Write<'grants' | 'sessionEpochs' | 'consents'>
  readonly clock: Clock
  readonly audit: Pick<Audit, 'note'>
  readonly activity: Pick<Activity, 'consented'>
}

export type ConsentStep = Extract<Step, { readonly kind: 'consent' }>

/** A request whose person is known: it waits for their word, or has it already. */
export interface Decidable {
  readonly interaction: Interaction
  readonly request: AuthorizationRequest
  readonly step: Extract<Step, { readonly kind: 'consent' | 'ready' }>
}

/** Tells the app that the person said no. @see RFC 6749 §4.1.2.1 */
export function createDeny({
  flow,
  refuse,
  sendAnswer,
  clock,
  audit,
  activity,
}: Pick<AnswerDependencies, 'flow' | 'refuse' | 'sendAnswer' | 'clock' | 'audit' | 'activity'>) {
  // Whoever answers again and again must not be able to fill the audit log.
  const onceAMinute = createRarely(clock, MINUTE)
  return (request: FastifyRequest, reply: FastifyReply, { request: asked, step }: Decidable): FastifyReply => {
    const { user, session } = step.signedIn
    const about = { app: asked.app.applicationUri, user: user.id }
    activity.consented('denied')
    if (onceAMinute(`${about.user} ${about.app}`))
      audit.note({ event: 'consent_denied', ...about, address: request.ip, detail: { scope: asked.scope.join(' ') } })
    const denied = denialOf(asked, user.id)
    return sendAnswer(request, reply, flow.errorAnswer(asked, denied, refuse(request, denied), session.sid))
  }
}

const denialOf = ({ app, scope }: AuthorizationRequest, user: string): Refused =>
  new Refused('access_denied', 'the person denied consent', {
    rule: 'consent-denied',
    client_id: app.applicationUri,
    user,
    sent: scope.join(' '),
    cause: 'the person pressed Deny on the consent page',
  })

/** Takes the person at their word. @returns the interaction as it goes on, with their consent unless it has to be asked for anew */
export function createAllow(
  dependencies: Pick<AnswerDependencies, 'requireDiskSpace' | 'writeAlone' | 'clock' | 'audit' | 'activity'>,
) {
  const { clock, audit, activity } = dependencies
  const keepConsent = createKeepConsent(dependencies)
  const onceAMinute = createRarely(clock, MINUTE)
  return async ({ ip: address }: FastifyRequest, found: Decidable): Promise<Interaction> => {
    const { interaction, request, step } = found
    const about = { app: request.app.applicationUri, user: step.signedIn.user.id }
    // Where something was taken back since the page was shown, the person is asked for all that is missing by now.
    if (interaction.asked !== step.signedIn.sessionEpoch) return interaction
    if (step.kind === 'consent') {
      const kept = await keepConsent(request, step)
      // Whoever was signed out or switched off meanwhile is told so there.
      if (kept === 'ended') return interaction
      activity.consented('given')
      if (kept === 'more than before' || onceAMinute(`${about.user} ${about.app}`))
        audit.note({ event: 'consent_granted', ...about, address, detail: { scope: step.scope.join(' ') } })
    }
    return { ...interaction, consented: { user: about.user, sessionEpoch: step.signedIn.sessionEpoch } }
  }
}

/** @returns keeps what a person allows, unless anything was ended since it was checked */
const createKeepConsent =
  ({ requireDiskSpace, writeAlone, clock }: Pick<AnswerDependencies, 'requireDiskSpace' | 'writeAlone' | 'clock'>) =>
  async (
    { app: { applicationUri, epoch } }: AuthorizationRequest,
    { signedIn, scope }: ConsentStep,
  ): Promise<'more than before' | 'as before' | 'ended'> => {
    const { user, session: signIn, sessionEpoch } = signedIn
    const basis = { applicationUri, userId: user.id, appEpoch: epoch, userEpoch: user.epoch, sessionEpoch, signIn }
    requireDiskSpace()
    // In turn with kill switches and withdrawals, on any node.
    return writeAlone(async ({ grants, sessionEpochs, consents }) => {
      if (!(await grants.mayGrant(basis, []))) return 'ended'
      if (!(await sessionEpochs.hold(applicationUri, user.id, sessionEpoch))) return 'ended'
      return (await consents.grant(user.id, applicationUri, scope, clock())) ? 'more than before' : 'as before'
    })
  }
