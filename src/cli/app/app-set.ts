import { APP_ATTRIBUTES, findAttribute } from '../../domain/apps/app-attributes.ts'
import { languageTag, type NamesByLanguage } from '../../domain/apps/names-by-language.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import { wrongUsage } from '../kit/problem.ts'

/** What is changed in another way, and in which. */
const ELSEWHERE = new Map(
  Object.entries({
    applicationuri: 'ApplicationUri cannot be changed, as it is the client_id; register a new app and remove this one',
    isenabled: 'change IsEnabled with: tessera app enable APP, or tessera app disable APP',
    selfregistered: 'SelfRegistered cannot be changed, as it records how the app was registered',
    applicationsecrethash: 'change the secret with: tessera app rotate-secret APP',
    secret: 'change the secret with: tessera app rotate-secret APP',
  }),
)

const NAMES = APP_ATTRIBUTES.map(({ name }) => name)
const EXPLAINED = 'all attributes and what they mean: tessera app attributes'

/** What `--set` asks for. */
export interface SetChanges {
  readonly changes: Partial<AppRegistration>
  /** Of `Name#de`: names in some languages, of which an empty one takes the language away. */
  readonly names: NamesByLanguage
}

interface ReadOne extends Partial<SetChanges> {
  readonly name: string
  readonly fault?: string
}

/**
 * Reads what `--set NAME=VALUE` asks for.
 * @throws Problem naming everything that cannot be read, and what was expected
 */
export function readSet(texts: readonly string[]): SetChanges {
  const faults: string[] = []
  const seen = new Set<string>()
  let asked: SetChanges = { changes: {}, names: {} }
  for (const text of texts) {
    const { fault, changes, names, name } = readOne(text)
    if (fault !== undefined) faults.push(fault)
    else if (seen.has(name)) faults.push(`${name} is set twice`)
    seen.add(name)
    asked = { changes: { ...asked.changes, ...changes }, names: { ...asked.names, ...names } }
  }
  if (faults.some((fault) => fault.includes('is not an attribute'))) faults.push(EXPLAINED)
  if (faults.length > 0) throw wrongUsage(...faults)
  return asked
}

function readOne(text: string): ReadOne {
  const [, given = '', value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (value === undefined) return { name: text, fault: `--set expects NAME=VALUE, not ${JSON.stringify(text)}` }
  const [, language] = /^name#(.*)$/i.exec(given) ?? []
  if (language !== undefined) return readName(language, value.trim())
  const known = findAttribute(given)
  if (!known) return { name: given, fault: ELSEWHERE.get(given.toLowerCase()) ?? unknown(given) }
  const { name, expects, read } = known
  const changes = read(value)
  return changes ? { name, changes } : { name, fault: `${name}: expects ${expects}, not ${JSON.stringify(value)}` }
}

/** @see RFC 5646 */
function readName(language: string, value: string): ReadOne {
  const tag = languageTag(language)
  if (tag !== undefined) return { name: `Name#${tag}`, names: { [tag]: value } }
  return { name: language, fault: `Name#${language}: expects a language tag behind the #, such as de or pt-BR` }
}

const unknown = (name: string): string => `${JSON.stringify(name)} is not an attribute${didYouMean(name, NAMES)}`
