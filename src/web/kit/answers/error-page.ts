import type { FastifyRequest } from 'fastify'
import type { OperatorHalf, Refused } from '../../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'

/** Rules that a person can do something about, which their code does not tell. */
const RULES_WITH_WORDS: readonly RefusalRule[] = ['cookies-blocked', 'interaction-elsewhere']

/** What a person is shown of a refusal; `why` names the words for it. */
interface Shown extends Pick<Refused, 'code' | 'description' | 'status'> {
  readonly restart?: string | undefined
  readonly why?: string
  readonly detail?: OperatorHalf
}

/** A page that explains a refusal to a person. @param request where it was met, if that was not the page about the refusal itself */
export const errorPage = (error: Shown, refusalId: string, request?: FastifyRequest) => {
  const why = error.why ?? RULES_WITH_WORDS.find((rule) => rule === error.detail?.rule) ?? error.code
  return {
    template: 'error' as const,
    status: error.status,
    // Of a genuine sign-in the same address tells once more how to begin again; nothing else that was sent is repeated.
    place:
      error.code === 'interaction_expired' && error.restart !== undefined && isUnderWay(request)
        ? undefined
        : `/error?${new URLSearchParams({ refusal: refusalId, why })}`,
    data: (t: (key: string) => string, has: (key: string) => boolean) => ({
      error: error.code,
      description: error.description,
      refusalId,
      restart: error.restart,
      hint: t(has(`error.hint.${why}`) ? `error.hint.${why}` : 'error.hint.default'),
    }),
  }
}

const isUnderWay = (request: FastifyRequest | undefined): boolean =>
  (request?.query as Readonly<Record<string, unknown>> | undefined)?.['interaction'] !== undefined
