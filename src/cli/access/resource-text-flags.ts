import type { Command } from 'commander'
import type { ApiScope } from '../../domain/access/api-scope.ts'
import { languageTag, type NamesByLanguage, withNames } from '../../domain/apps/names-by-language.ts'
import { wrongUsage } from '../kit/problem.ts'
import { repeated } from '../kit/repeated-flag.ts'

/** What a command says of an API's name in other languages, and of its scopes. */
export interface TextFlags {
  readonly localizedName?: readonly string[]
  readonly scope?: readonly string[]
  readonly scopeName?: readonly string[]
  readonly removeScope?: readonly string[]
}

/** Adds the flags that name an API and its scopes in other languages. */
export const withTextFlags = (command: Command): Command =>
  command
    .option('--localized-name <language=name>', 'the name in another language; may be repeated', repeated)
    .option(
      '--scope-name <name#language=text>',
      'what the consent page calls a scope in a language; may be repeated',
      repeated,
    )

/** Explains the three flags in `--help`. */
export const TEXT_HELP = `The consent page tells people in their language what an API and its scopes are called; an empty text takes the language away:
  --localized-name de=Berichte                         the API
  --scope-name "reports.read#de=Berichte lesen"        a scope
  --scope "reports.read#de=Alle Berichte ansehen"      its description`

/** The names of an API after these flags. */
export const namesAfter = (before: NamesByLanguage, { localizedName = [] }: TextFlags): NamesByLanguage =>
  withNames(before, byLanguage('--localized-name', localizedName.map(readNameFlag)))

/** The scopes of an API after these flags. @throws Problem */
export function scopesAfter(before: readonly ApiScope[], flags: TextFlags): readonly ApiScope[] {
  const { scope = [], scopeName = [], removeScope: removed = [] } = flags
  requireKnown('--remove-scope', removed, before)
  const said = scope.map(readScopeFlag)
  const given = said.filter(({ language }) => language === undefined)
  const twice = given.find(({ name }, index) => given.findIndex((other) => other.name === name) !== index)
  if (twice) throw wrongUsage(`--scope: ${twice.name} is given twice`)
  const descriptions = said.filter(isLocalized)
  const names = scopeName.map(readScopeFlag).map(requireLanguage)
  const listed = [...new Set([...before, ...said].map(({ name }) => name))].filter((name) => !removed.includes(name))
  const after = listed.map((name): ApiScope => {
    const known = before.find((one) => one.name === name)
    const renewed = given.find((one) => one.name === name)
    const ofIt = (all: readonly Localized[]) => all.filter((one) => one.name === name)
    return {
      name,
      description: renewed ? renewed.text || undefined : known?.description,
      localizedNames: withNames(known?.localizedNames ?? {}, byLanguage('--scope-name', ofIt(names))),
      localizedDescriptions: withNames(known?.localizedDescriptions ?? {}, byLanguage('--scope', ofIt(descriptions))),
    }
  })
  requireKnown(
    '--scope-name',
    names.map(({ name }) => name),
    after,
  )
  return after
}

/** Texts by language as people read them: `de: Berichte`. */
export const textLines = (texts: NamesByLanguage = {}): string[] =>
  Object.entries(texts).map(([language, text]) => `${language}: ${text}`)

/** A scope as people read it, with what it is called in other languages. */
export const scopeLines = ({ name, description, localizedNames, localizedDescriptions }: ApiScope): string[] => [
  description === undefined ? name : `${name}: ${description}`,
  ...textLines(localizedNames).map((line) => `  name in ${line}`),
  ...textLines(localizedDescriptions).map((line) => `  description in ${line}`),
]

/** What stands before the first `=` and behind it. */
interface Said {
  readonly name: string
  readonly language: string | undefined
  readonly text: string
}

interface Localized extends Said {
  readonly language: string
}

const isLocalized = (said: Said): said is Localized => said.language !== undefined

function halvesOf(given: string): readonly [string, string | undefined] {
  const at = given.indexOf('=')
  return at < 0 ? [given.trim(), undefined] : [given.slice(0, at).trim(), given.slice(at + 1).trim()]
}

/** `reports.read=See every report`, in a language `reports.read#de=...`, or the name alone. */
function readScopeFlag(given: string): Said {
  const [said, text] = halvesOf(given)
  const at = said.lastIndexOf('#')
  if (text === undefined || at < 0) return { name: said, language: undefined, text: text ?? '' }
  return { name: said.slice(0, at), language: requireTag(said, said.slice(at + 1)), text }
}

/** `de=Berichte`. */
function readNameFlag(given: string): Localized {
  const [tag, text] = halvesOf(given)
  if (text === undefined) throw wrongUsage(`--localized-name: ${given} has no =; write LANGUAGE=NAME`)
  return { name: '', language: requireTag(tag, tag), text }
}

function requireLanguage(said: Said): Localized {
  if (isLocalized(said)) return said
  throw wrongUsage(
    `--scope-name: ${said.name} has no language; write NAME#LANGUAGE=TEXT, such as reports.read#de=Lesen`,
  )
}

/** @see RFC 5646 */
function requireTag(said: string, language: string): string {
  const tag = languageTag(language)
  if (tag !== undefined) return tag
  throw wrongUsage(`${said}: expects a language tag, such as de or pt-BR, not ${JSON.stringify(language)}`)
}

function byLanguage(flag: string, said: readonly Localized[]): NamesByLanguage {
  const twice = said.find(({ language }, index) => said.findIndex((other) => other.language === language) !== index)
  if (twice) throw wrongUsage(`${flag}: ${[twice.name, twice.language].filter(Boolean).join('#')} is given twice`)
  return Object.fromEntries(said.map(({ language, text }) => [language, text]))
}

function requireKnown(flag: string, asked: readonly string[], scopes: readonly ApiScope[]): void {
  const names = scopes.map(({ name }) => name)
  const unknown = asked.filter((name) => !names.includes(name))
  if (unknown.length > 0)
    throw wrongUsage(`${flag}: ${unknown.join(', ')} is not one of its scopes, ${names.join(', ')}`)
}
