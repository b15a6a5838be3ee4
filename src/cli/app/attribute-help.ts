import { APP_ATTRIBUTES, type AppAttribute, showRegistration } from '../../domain/apps/app-attributes.ts'
import { GROUPS, type Group } from '../../domain/apps/attribute-row.ts'
import { APP_DEFAULTS } from '../../domain/apps/trusted-application.ts'
import { columns } from '../kit/output.ts'

/** What the attributes of a group say of an app, as the headings of docs/apps.md. */
const TITLES: Readonly<Record<Group, string>> = {
  identity: 'Who it is',
  'sign-in': 'Who signs in, and what they are asked',
  access: 'What it may do',
  tokens: 'Its tokens',
  logout: 'How it hears of sign-outs',
  keys: 'How it proves who it is',
}

const DEFAULTS = showRegistration({ ...APP_DEFAULTS, applicationUri: '', name: '', clientType: 'None' })

/** What a record holds where nothing is said, for people. */
export function defaultOf({ name, key, instead }: AppAttribute): string {
  if (!(key in APP_DEFAULTS)) return instead ?? 'required'
  const value = DEFAULTS[name]
  return value === null || value === '' ? '-' : String(value)
}

export const meaningOf = ({ meaning }: AppAttribute): string => meaning.replaceAll('`', '')

const inGroups = (rowsOf: (attribute: AppAttribute) => readonly (readonly string[])[]): string =>
  GROUPS.map((group) => {
    const rows = APP_ATTRIBUTES.filter((one) => one.group === group).flatMap(rowsOf)
    return `${TITLES[group]}:\n${columns(rows)}`
  }).join('\n\n')

/** Each attribute with its meaning, a line each. */
export const meanings = (): string => inGroups((one) => [[`  ${one.name}`, meaningOf(one)]])

/** Each attribute with all there is to know of it. */
export const descriptions = (): string =>
  inGroups((one) => [
    [`  ${one.name}`, meaningOf(one)],
    ['', `expects ${one.expects}; default: ${defaultOf(one)}`],
  ])
