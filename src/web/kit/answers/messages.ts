import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'

export const LOCALES = ['en', 'de', 'bg'] as const
export type Locale = (typeof LOCALES)[number]

/** Each language in its own words. */
export const LANGUAGE_NAMES: Readonly<Record<Locale, string>> = { en: 'English', de: 'Deutsch', bg: 'Български' }

/** Gives a text of the catalogue, its `{placeholders}` filled; a plain string, never HTML. */
export type Translate = (key: string, parameters?: Readonly<Record<string, string>>) => string

export type Messages = ReturnType<typeof loadMessages>

/** Reads the message catalogues once. @param folder holds one `<locale>.json` a language */
export function loadMessages(folder: string) {
  const catalogues = Object.fromEntries(
    LOCALES.map((locale) => [
      locale,
      JSON.parse(readFileSync(join(folder, `${locale}.json`), 'utf8')) as Record<string, string>,
    ]),
  ) as Record<Locale, Record<string, string>>

  return {
    has: (key: string): boolean => Object.hasOwn(catalogues.en, key),
    translator:
      (locale: Locale): Translate =>
      (key, parameters = {}) =>
        (catalogues[locale][key] ?? key).replace(
          /\{(\w+)\}/g,
          (placeholder, name: string) => parameters[name] ?? placeholder,
        ),
  }
}

/** Adds to what the answer depends on. @see RFC 9110 §12.5.5 */
export const alsoVary = (reply: FastifyReply, ...names: readonly string[]): FastifyReply =>
  reply.header('vary', [reply.getHeader('vary') ?? [], ...names].flat().join(', '))

/** Chooses the language of an answer for programs, and says so. @see RFC 9110 §12.5.4 */
export function speak(request: FastifyRequest, reply: FastifyReply): Locale {
  const locale = matchLocale(request.languages()) ?? 'en'
  alsoVary(reply, 'Accept-Language').header('content-language', locale)
  return locale
}

/** The first language asked for that there are texts in; a region is a matter of detail. @see OIDC Core §3.1.2.1, RFC 4647 §3.4 */
export function matchLocale(asked: readonly string[]): Locale | undefined {
  const languages = asked.map((tag) => tag.split('-')[0]?.toLowerCase())
  const language = languages.find((candidate) => LOCALES.some((known) => known === candidate))
  return LOCALES.find((known) => known === language)
}
