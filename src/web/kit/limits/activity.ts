import { Counter, type Registry } from 'prom-client'
import type { TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import { createTally } from '../../../lib/flow/tally.ts'

export type Activity = ReturnType<typeof createActivity>

/** Names that the code has; none comes from a request. */
type Limit = 'sign-in' | 'token' | 'introspect' | 'authorize' | 'profile' | 'app-failures' | 'registration'

/** Which kind of app tokens went to; how many apps there are, and what they are called, is no matter. */
export const classOf = ({ selfRegistered, clientType }: Pick<TrustedApplication, 'selfRegistered' | 'clientType'>) =>
  selfRegistered ? 'SelfRegistered' : clientType

/** Counts what the server is for, in this process since its start. */
export function createActivity() {
  const signIns = createTally<'method'>()
  const failures = createTally<'method' | 'reason'>()
  const tokens = createTally<'grant' | 'app'>()
  const consents = createTally<'decision'>()
  const throttled = createTally<'limit'>()

  return {
    signedIn: (method: string): void => signIns.count({ method }),
    signInFailed: (method: string, reason: RefusalRule): void => failures.count({ method, reason }),
    /** @param grant a grant type that the server has */
    tokensIssued: (grant: string, app: Pick<TrustedApplication, 'selfRegistered' | 'clientType'>): void =>
      tokens.count({ grant, app: classOf(app) }),
    consented: (decision: 'given' | 'denied'): void => consents.count({ decision }),
    throttled: (limit: Limit): void => throttled.count({ limit }),
    counts: () => ({
      signIns: signIns.list(),
      failures: failures.list(),
      tokens: tokens.list(),
      consents: consents.list(),
      throttled: throttled.list(),
    }),
  }
}

/** Registers the counters of it. @returns brings them up to date */
export function registerActivity(registry: Registry, activity: Pick<Activity, 'counts'>): () => void {
  const counter = <Name extends string>(name: string, help: string, labelNames: readonly Name[]) =>
    new Counter({ name, help: `${help}, in this process.`, labelNames, registers: [registry] })
  const signIns = counter('tessera_sign_ins_total', 'People who signed in, by method', ['method'])
  const failures = counter('tessera_sign_in_failures_total', 'Sign-ins that failed, by method and reason', [
    'method',
    'reason',
  ])
  const tokens = counter('tessera_tokens_issued_total', 'Token responses, by grant type and class of the app', [
    'grant',
    'app',
  ])
  const consents = counter('tessera_consents_total', 'Answers of people to the consent page, by decision', ['decision'])
  const throttled = counter('tessera_throttled_total', 'Requests and sign-ins turned away by a limit, by limit', [
    'limit',
  ])

  return () => {
    const counts = activity.counts()
    for (const one of [signIns, failures, tokens, consents, throttled]) one.reset()
    for (const { labels, count } of counts.signIns) signIns.inc(labels, count)
    for (const { labels, count } of counts.failures) failures.inc(labels, count)
    for (const { labels, count } of counts.tokens) tokens.inc(labels, count)
    for (const { labels, count } of counts.consents) consents.inc(labels, count)
    for (const { labels, count } of counts.throttled) throttled.inc(labels, count)
  }
}
