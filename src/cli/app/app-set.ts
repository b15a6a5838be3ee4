import { APP_ATTRIBUTES, findAttribute } from '../../domain/apps/app-attributes.ts'
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

/**
 * Reads what `--set NAME=VALUE` asks for.
 * @throws Problem naming everything that cannot be read, and what was expected
 */
export function readSet(texts: readonly string[]): Partial<AppRegistration> {
  const faults: string[] = []
  const seen = new Set<string>()
  let changes: Partial<AppRegistration> = {}
  for (const text of texts) {
    const { fault, change, name } = readOne(text)
    if (fault !== undefined) faults.push(fault)
    else if (seen.has(name)) faults.push(`${name} is set twice`)
    seen.add(name)
    changes = { ...changes, ...change }
  }
  if (faults.some((fault) => fault.includes('is not an attribute'))) faults.push(EXPLAINED)
  if (faults.length > 0) throw wrongUsage(...faults)
  return changes
}

function readOne(text: string): { name: string; change?: Partial<AppRegistration>; fault?: string } {
  const [, given = '', value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (value === undefined) return { name: text, fault: `--set expects NAME=VALUE, not ${JSON.stringify(text)}` }
  const known = findAttribute(given)
  if (!known) return { name: given, fault: ELSEWHERE.get(given.toLowerCase()) ?? unknown(given) }
  const { name, expects, read } = known
  const change = read(value)
  return change ? { name, change } : { name, fault: `${name}: expects ${expects}, not ${JSON.stringify(value)}` }
}

const unknown = (name: string): string => `${JSON.stringify(name)} is not an attribute${didYouMean(name, NAMES)}`
