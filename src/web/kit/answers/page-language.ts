import type { FastifyReply, FastifyRequest } from 'fastify'
import { INTERACTION_LIFETIME } from '../../../domain/protocol/interaction-seal.ts'
import { type Clock, SECOND } from '../../../lib/time/clock.ts'
import type { Cookies } from '../requests/cookies.ts'
import { LANGUAGE_NAMES, LOCALES, type Locale, matchLocale } from './messages.ts'

interface Dependencies {
  readonly cookies: Pick<Cookies, 'language' | 'setLanguage'>
  readonly clock: Clock
}

/** In which language a page is: an app may propose one, and a person who has just chosen another is not asked twice. */
export function createPageLanguages({ cookies, clock }: Dependencies) {
  return {
    /** @param uiLocales of the request that the page belongs to, separated by spaces */
    choose(request: FastifyRequest, reply: FastifyReply, uiLocales: string | undefined): Locale {
      const chosenHere = matchLocale([queryOf(request, 'lang') ?? ''])
      if (chosenHere) cookies.setLanguage(request, reply, `${chosenHere}.${Math.floor(clock() / SECOND)}`)
      const [remembered = '', since] = cookies.language(request)?.split('.') ?? []
      const kept = matchLocale([remembered])
      const hasJustChosen = clock() - Number(since) * SECOND <= INTERACTION_LIFETIME
      return (
        chosenHere ??
        (hasJustChosen ? kept : undefined) ??
        matchLocale((uiLocales ?? queryOf(request, 'ui_locales') ?? '').split(' ')) ??
        kept ??
        matchLocale(request.languages()) ??
        'en'
      )
    },

    /** Links to the same page in each language. @param place where the page can be had again, unless at its own address */
    links(request: FastifyRequest, locale: Locale, place = addressOf(request)) {
      return LOCALES.map((code) => ({
        code,
        name: LANGUAGE_NAMES[code],
        href: `${place}${place.includes('?') ? '&' : '?'}lang=${code}`,
        current: code === locale,
      }))
    },
  }
}

function queryOf({ query }: FastifyRequest, name: string): string | undefined {
  const value = (query as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' ? value : undefined
}

/** What a page under way was opened with, and nothing else that anybody sent. */
function addressOf(request: FastifyRequest): string {
  const interaction = queryOf(request, 'interaction')
  return interaction === undefined || !/^[\w-]+$/.test(interaction) ? '' : `?${new URLSearchParams({ interaction })}`
}
