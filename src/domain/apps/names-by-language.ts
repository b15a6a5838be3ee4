import { parseStrictJson } from '../../lib/crypto/strict-json.ts'

/** What something is called in languages other than that of its name, by their tags. @see RFC 5646 */
export type NamesByLanguage = Readonly<Record<string, string>>

/** The one spelling of a language tag; `undefined` for what is none. @see RFC 5646 §4.5 */
export function languageTag(text: string): string | undefined {
  try {
    return text.length > 35 ? undefined : Intl.getCanonicalLocales(text)[0]
  } catch {
    return undefined
  }
}

/** What files and the administration API expect of texts by language. */
export const EXPECTED_TEXTS = 'expects texts by language tag, such as de or pt-BR, each language once'

/** Reads names by language, each tag in its one spelling; one that is empty says nothing. @returns `undefined` where they cannot be read */
export function readNames(given: unknown): NamesByLanguage | undefined {
  const names = readSpelled(given, (name) => (typeof name === 'string' ? name : undefined))
  return names && withNames({}, names)
}

/** Reads what is to become of names: those that are not spoken of stay, and `null` takes a language away. @see RFC 7396 §2 */
export function mergeNames(before: NamesByLanguage, given: unknown): NamesByLanguage | undefined {
  const changes = readSpelled(given, (name) => (typeof name === 'string' ? name : name === null ? '' : undefined))
  return changes && withNames(before, changes)
}

/** Each tag in its one spelling; `undefined` where one is none, comes twice, or has something that is no name. */
function readSpelled(given: unknown, readName: (name: unknown) => string | undefined): NamesByLanguage | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined
  const names = new Map<string, string>()
  for (const [language, value] of Object.entries(given)) {
    const [tag, name] = [languageTag(language), readName(value)]
    if (tag === undefined || name === undefined || names.has(tag)) return undefined
    names.set(tag, name)
  }
  return Object.fromEntries(names)
}

/** The same from JSON as text. */
export const parseNames = (text: string): NamesByLanguage | undefined => readNames(parseStrictJson(text)?.value)

/** Some names with others in their place; an empty one takes a language away. */
export const withNames = (names: NamesByLanguage, changes: NamesByLanguage): NamesByLanguage =>
  inOrder(Object.entries({ ...names, ...changes }).filter(([, name]) => name !== ''))

const inOrder = (entries: [string, string][]): NamesByLanguage =>
  Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)))

const primary = (tag: string): string => tag.split('-')[0]?.toLowerCase() ?? ''

/** What has a name, and others by language. */
export interface Named {
  readonly name: string
  readonly localizedNames: NamesByLanguage
}

/** The text in that very language, or in a variety of it; `undefined` where there is neither. @see RFC 4647 §3.4 */
export function textIn(texts: NamesByLanguage, language: string): string | undefined {
  const tags = Object.keys(texts)
  const tag = tags.find((known) => known === language) ?? tags.find((known) => primary(known) === primary(language))
  return tag === undefined ? undefined : texts[tag]
}

/** What a page in a language calls something: what {@link textIn} finds, or else the name; so too where no language is asked for. */
export const nameIn = ({ name, localizedNames }: Named, language: string | undefined): string =>
  (language === undefined ? undefined : textIn(localizedNames, language)) ?? name

/** Texts by language as an attribute of that name shows them; nothing where there are none. */
export const showTexts = <const A extends string>(
  attribute: A,
  texts: NamesByLanguage = {},
): { readonly [K in A]?: NamesByLanguage } =>
  (Object.keys(texts).length === 0 ? {} : { [attribute]: texts }) as { readonly [K in A]?: NamesByLanguage }
