import type { FastifyRequest } from 'fastify'
import { nameIn } from '../../../domain/apps/names-by-language.ts'
import { isInteractive, type TrustedApplication } from '../../../domain/apps/trusted-application.ts'
import type { OperatorHalf, Refused } from '../../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../../domain/refusals/refusal-rule.ts'
import type { Boxes } from '../../../lib/crypto/master-keys.ts'
import type { Locale, Messages, Translate } from './messages.ts'

/** Rules that a person can do something about, which their code does not tell. */
const RULES_WITH_WORDS: readonly RefusalRule[] = ['cookies-blocked', 'interaction-elsewhere']

/** What a person is shown of a refusal; `why` names the words for it. */
interface Shown extends Pick<Refused, 'code' | 'description' | 'status'> {
  readonly restart?: string | undefined
  readonly why?: string
  readonly detail?: OperatorHalf
}

/** An app that the page may name, as the request was certainly about it. */
export interface NamedApp extends Pick<TrustedApplication, 'name' | 'localizedNames' | 'clientUri'> {
  /** Says which it is to the page that comes again in another language, and to nobody else. */
  readonly sealed: string
}

interface Dependencies {
  readonly apps: { find(applicationUri: string): Promise<TrustedApplication | undefined> }
  readonly boxes: Boxes
}

export type NamedApps = ReturnType<typeof createNamedApps>

/**
 * Finds the app that the page about a refusal may name: one that people can sign in to and that an administrator vouched for. What is
 * off is as unknown as what never was, and a name that nobody checked could tell people anything. Without the database none is named.
 */
export function createNamedApps({ apps, boxes }: Dependencies) {
  const contextOf = (refusalId: string): string => `app of refusal ${refusalId}`

  async function find(refusalId: string, applicationUri: unknown): Promise<NamedApp | undefined> {
    if (typeof applicationUri !== 'string') return undefined
    const app = await apps.find(applicationUri).catch(() => undefined)
    if (!app?.isEnabled || app.selfRegistered || !isInteractive(app)) return undefined
    const { name, localizedNames, clientUri } = app
    return { name, localizedNames, clientUri, sealed: boxes.seal(applicationUri, contextOf(refusalId)) }
  }

  return {
    find,
    /** Whoever guesses an ApplicationUri learns nothing: only what was sealed with this very refusal counts. */
    findSealed: (refusalId: string, box = ''): Promise<NamedApp | undefined> =>
      find(refusalId, boxes.open(box, contextOf(refusalId))),
  }
}

// Whatever letters the name has, the words around it keep their order. @see UAX 9 §2.7
const isolated = (name: string): string => `\u2068${name}\u2069`

/**
 * A page that explains a refusal to a person, and leads on.
 * @param app whose request it was
 * @param request where it was met, if that was not the page about the refusal itself
 */
export const errorPage = (error: Shown, refusalId: string, app?: NamedApp, request?: FastifyRequest) => {
  const why = error.why ?? RULES_WITH_WORDS.find((rule) => rule === error.detail?.rule) ?? error.code
  return {
    template: 'error' as const,
    status: error.status,
    // Of a genuine sign-in the same address tells once more how to begin again; nothing else that was sent is repeated.
    place:
      error.code === 'interaction_expired' && error.restart !== undefined && isUnderWay(request)
        ? undefined
        : `/error?${new URLSearchParams({ refusal: refusalId, why, ...(app ? { app: app.sealed } : {}) })}`,
    data: (t: Translate, has: Messages['has'], locale: Locale) => {
      const name = app && nameIn(app, locale)
      const hint = has(`error.hint.${why}`) ? `error.hint.${why}` : 'error.hint.default'
      return {
        error: error.code,
        description: error.description,
        refusalId,
        restart: error.restart,
        hint: name !== undefined && has(`${hint}.app`) ? t(`${hint}.app`, { app: isolated(name) }) : t(hint),
        back: app?.clientUri === undefined ? undefined : { url: app.clientUri, name },
      }
    },
  }
}

const isUnderWay = (request: FastifyRequest | undefined): boolean =>
  (request?.query as Readonly<Record<string, unknown>> | undefined)?.['interaction'] !== undefined
