import type { Answer } from '../../../test/fixtures/clients/http.ts'
import type { Code, RelyingParty } from '../../../test/fixtures/clients/relying-party.ts'
import { tokensOf } from '../../../test/fixtures/clients/tokens.ts'
import { type Family, type Journal, noteSuccessor } from './journal.ts'
import { oneOf } from './random.ts'

/** How a request ended: answered, 503, no answer at all, or an answer that an honest app must not get. */
export type Ending = 'ok' | 'unavailable' | 'broken' | 'wrong'

export type Action = 'authorize' | 'redeem' | 'refresh' | 'revoke' | 'read'

export interface Result {
  readonly ending: Ending
  readonly action: Action
  /** What was wrong, or how the connection broke. */
  readonly detail: string
  /** Milliseconds. */
  readonly took: number
}

/** How often each action is chosen; what is left is refreshes. */
export interface Mix {
  readonly signIn: number
  readonly revoke: number
  readonly read: number
}

export const USUAL_MIX: Mix = { signIn: 0.2, revoke: 0.1, read: 0.1 }

interface Dependencies {
  readonly party: RelyingParty
  readonly journal: Journal
  readonly random: () => number
  readonly mix: Mix
}

interface Step {
  readonly action: Action
  /** Notes what is about to be in doubt, sends, and notes what the answer says. */
  readonly send: () => Promise<Answer | undefined>
  /** An answer other than 200 that is in order when the step was sent before. */
  readonly explains?: (answer: Answer) => boolean
}

const MOST_FAMILIES = 6

/** One person at an app that does as it should: it tries again when it got no answer, with the very same request. */
export function createWorker({ party, journal, random, mix }: Dependencies) {
  const live: Family[] = []
  let unfinished: Step | undefined
  let code: Code | undefined

  const authorize: Step = {
    action: 'authorize',
    async send() {
      code = await party.obtainCode()
      return undefined
    },
  }

  const redeem = (spent: Code): Step => ({
    action: 'redeem',
    async send() {
      const answer = await party.redeem(spent)
      if (answer.status === 200) {
        const tokens = tokensOf(answer)
        noteSuccessor(journal, spent.code, tokens.refresh_token)
        const family: Family = { party, code: spent, tokens, spent: [], revoked: false, inDoubt: undefined }
        live.push(family)
        journal.families.push(family)
      }
      return answer
    },
    explains(answer) {
      const used = answer.status === 400 && answer.json['error'] === 'invalid_grant'
      if (used) journal.lostSignIns++
      return used
    },
  })

  const refresh = (family: Family): Step => ({
    action: 'refresh',
    async send() {
      const { refresh_token: presented } = family.tokens
      family.inDoubt = 'refresh'
      const answer = await party.refresh(presented)
      if (answer.status === 200) {
        const tokens = tokensOf(answer)
        noteSuccessor(journal, presented, tokens.refresh_token)
        family.spent.push(presented)
        family.tokens = tokens
        family.inDoubt = undefined
      }
      return answer
    },
  })

  const revoke = (family: Family): Step => ({
    action: 'revoke',
    async send() {
      family.inDoubt = 'revoke'
      const answer = await party.revoke(family.tokens.refresh_token)
      if (answer.status === 200) {
        family.revoked = true
        family.inDoubt = undefined
        live.splice(live.indexOf(family), 1)
      }
      return answer
    },
  })

  const read = (family: Family): Step => ({
    action: 'read',
    async send() {
      const answer = await party.introspect(family.tokens.access_token)
      if (answer.status === 200 && answer.json['active'] !== true)
        return { ...answer, status: 0, text: 'an access token that lives is told to be inactive' }
      return answer
    },
  })

  function choose(): Step {
    if (code !== undefined) {
      const spent = code
      code = undefined
      return redeem(spent)
    }
    if (live.length === 0) return authorize
    const family = oneOf(live, random)
    const chance = random()
    if (chance < mix.signIn) return live.length < MOST_FAMILIES ? authorize : revoke(family)
    if (chance < mix.signIn + mix.revoke) return revoke(family)
    if (chance < mix.signIn + mix.revoke + mix.read) return read(family)
    return refresh(family)
  }

  return {
    hasUnfinished: (): boolean => unfinished !== undefined,

    /** Does the next thing, or once more what had no answer. */
    async step(): Promise<Result> {
      const again = unfinished !== undefined
      const step = unfinished ?? choose()
      unfinished = step
      const started = performance.now()
      const end = (ending: Ending, detail = ''): Result => {
        if (ending === 'ok' || ending === 'wrong') unfinished = undefined
        if (ending === 'ok') journal.acknowledged++
        return { ending, action: step.action, detail, took: performance.now() - started }
      }
      try {
        const answer = await step.send()
        if (answer === undefined || answer.status === 200) return end('ok')
        if (answer.status === 503) return end('unavailable', answer.headers.get('retry-after') ?? 'no Retry-After')
        if (again && step.explains?.(answer)) return end('ok')
        return end('wrong', `${step.action}: ${answer.status} ${answer.text.slice(0, 300)}`)
      } catch (error) {
        return end(...endingOf(error))
      }
    },
  }
}

export type Worker = ReturnType<typeof createWorker>

/** What was thrown: by fetch without an answer, or by the browser that saw another page than it expected. */
function endingOf(error: unknown): [Ending, string] {
  if (!(error instanceof Error)) throw error
  const { cause } = error
  if (error instanceof TypeError && cause instanceof Error)
    return ['broken', 'code' in cause ? String(cause.code) : cause.message]
  if (/: 503 |\(503\)|error=temporarily_unavailable/.test(error.message)) return ['unavailable', '2']
  return ['wrong', error.message]
}
