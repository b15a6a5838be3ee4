import { RECORD_ATTRIBUTES } from './app-attributes.ts'
import type { AppRegistration } from './trusted-application.ts'

type Key = keyof AppRegistration

/** Attributes that say one thing between them: whoever decides one of them decides all. */
const TOGETHER: readonly (readonly Key[])[] = [
  ['clientType', 'tokenEndpointAuthMethod', 'tokenEndpointAuthSigningAlg'],
  ['name', 'localizedNames'],
  ['jwks', 'jwksUri'],
  // A scope brings the API that has it.
  ['scope', 'apiResources'],
  // Only whoever keeps the list of a sector may share it, and it was not asked about other redirect URIs.
  ['sectorIdentifierUri', 'subjectType', 'impersonateLoginUrl'],
]

/** What an administrator changed, also where no metadata of the app says it: some follow from others. */
export const decidedBetween = (before: AppRegistration, after: AppRegistration): Key[] =>
  RECORD_ATTRIBUTES.filter(({ show }) => show(before) !== show(after)).map(({ key }) => key)

/**
 * A record as an app that registered itself wants it, save for what an administrator decided: of a list of theirs the app can only take
 * away.
 * @see RFC 7592 §2.2
 */
export function keepDecided(
  wanted: AppRegistration,
  before: AppRegistration,
  decided: readonly string[],
): AppRegistration {
  const isDecided = (key: Key): boolean =>
    decided.includes(key) || TOGETHER.some((group) => group.includes(key) && group.some((one) => decided.includes(one)))
  const kept = RECORD_ATTRIBUTES.filter(({ key }) => isDecided(key)).map(({ key }) => [
    key,
    whatIsLeft(before[key], wanted[key]),
  ])
  return { ...wanted, ...Object.fromEntries(kept) } as AppRegistration
}

function whatIsLeft(before: unknown, wanted: unknown): unknown {
  if (!Array.isArray(before) || !Array.isArray(wanted)) return before
  const left = before.filter((part) => wanted.includes(part))
  return left.length > 0 || wanted.length === 0 ? left : before
}
