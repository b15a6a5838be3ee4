import type { Command } from 'commander'
import { findAttribute } from '../../domain/apps/app-attributes.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import { repeated } from '../kit/repeated-flag.ts'
import { readSet, type SetChanges } from './app-set.ts'

/** Attributes with a flag of their own, as commander keeps them. */
export interface RecordFlags {
  readonly name?: string
  readonly scope?: string
  readonly redirectUri?: readonly string[]
  readonly logoutUri?: readonly string[]
  readonly systemUser?: string
  readonly community?: boolean
  readonly set?: readonly string[]
}

/** Those that add to a list of addresses and take from it. */
export interface ListFlags {
  readonly addRedirectUri?: readonly string[]
  readonly removeRedirectUri?: readonly string[]
  readonly addLogoutUri?: readonly string[]
  readonly removeLogoutUri?: readonly string[]
}

const FLAGS = [
  { attribute: 'Name', flag: '--name', option: 'name' },
  { attribute: 'Scope', flag: '--scope', option: 'scope' },
  { attribute: 'ImpersonateLoginUrl', flag: '--redirect-uri', option: 'redirectUri' },
  { attribute: 'ImpersonateLogoutUrl', flag: '--logout-uri', option: 'logoutUri' },
  { attribute: 'SystemUser', flag: '--system-user', option: 'systemUser' },
  { attribute: 'ImpersonateAsCommunityUserAllowed', flag: '--community', option: 'community' },
] as const

const LISTS = [
  { of: FLAGS[2], key: 'impersonateLoginUrl', add: 'addRedirectUri', remove: 'removeRedirectUri' },
  { of: FLAGS[3], key: 'impersonateLogoutUrl', add: 'addLogoutUri', remove: 'removeLogoutUri' },
] as const

/** The flag behind an attribute, to be named with its fault. */
export const FLAG_OF = Object.fromEntries(FLAGS.map(({ attribute, flag }) => [attribute, flag]))

/** Adds the flags that registering and updating an app have in common. */
export const withRecordFlags = (command: Command): Command =>
  command
    .option(
      '--redirect-uri <uri>',
      'where the browser is sent after sign-in, compared byte for byte; may be repeated',
      repeated,
    )
    .option('--logout-uri <uri>', 'where the browser may be sent after sign-out; may be repeated', repeated)
    .option('--system-user <user>', 'login or id of the System User that the app acts as')
    .option('--scope <scopes>', 'API scopes the app may ask for, separated by spaces, such as "read update"')
    .option('--name <name>', 'name on the consent page (default: the ApplicationUri)')
    .option('--community', 'admit community users as well as internal users')

/** What the flags and `--set` ask for, as far as they can be read together. */
export interface AskedChanges {
  readonly changes: Partial<AppRegistration>
  readonly faults: readonly Fault[]
}

/** Reads flags and `--set`; which of the two is meant cannot be known where both speak of one attribute. @throws Problem */
export function readRecordFlags(flags: RecordFlags): AskedChanges & Pick<SetChanges, 'names'> {
  const { changes: set, names } = readSet(flags.set ?? [])
  const given = FLAGS.flatMap(({ attribute, option }) => {
    const value = flags[option]
    const known = findAttribute(attribute)
    if (value === undefined || known === undefined) return []
    const change = Array.isArray(value) ? known.readParts(value) : known.read(String(value))
    return [{ attribute, key: known.key, change: change ?? {} }]
  })
  return {
    changes: Object.assign({}, ...given.map(({ change }) => change), set) as Partial<AppRegistration>,
    names,
    faults: given
      .filter(({ key }) => key in set)
      .map(({ attribute }) => ({ attribute, reason: 'is given both by --set and by its own flag' })),
  }
}

/** Adds to lists of a record and takes from them; what is to go must be there. */
export function changeLists(app: AppRegistration, flags: ListFlags, asked: Partial<AppRegistration>): AskedChanges {
  const changed = LISTS.map(({ of: { attribute, flag }, key, add, remove }) => {
    const [added, removed] = [flags[add] ?? [], flags[remove] ?? []]
    if (added.length + removed.length === 0) return { changes: {}, faults: [] }
    const whole = key in asked
    const both = added.find((uri) => removed.includes(uri))
    const missing = removed.filter((uri) => !app[key].includes(uri))
    const reasons = [
      whole && `cannot be set as a whole and added to or taken from at once`,
      both !== undefined && `${both} is both added and removed`,
      ...missing.map((uri) => `${uri} is not registered${nearest(uri, app[key], flag)}`),
    ].filter((reason) => typeof reason === 'string')
    const kept = app[key].filter((uri) => !removed.includes(uri))
    return {
      changes: { [key]: [...new Set([...kept, ...added])] },
      faults: reasons.map((reason) => ({ attribute, reason })),
    }
  })
  return {
    changes: Object.assign({}, ...changed.map(({ changes }) => changes)) as Partial<AppRegistration>,
    faults: changed.flatMap(({ faults }) => faults),
  }
}

const nearest = (uri: string, known: readonly string[], flag: string): string =>
  didYouMean(uri, known) || (known.length === 0 ? `, as no ${flag} is` : `; registered: ${known.join(' ')}`)
