import type { ApiResource } from '../../domain/access/api-resource.ts'
import { textsOf } from '../../domain/access/api-scope.ts'
import { resourceOfItem } from '../../domain/access/consent-items.ts'
import { nameIn } from '../../domain/apps/names-by-language.ts'
import { ADMINISTRATION_SCOPE, isProtocolScope } from '../../domain/protocol/scope.ts'
import type { Messages, Translate } from '../kit/answers/messages.ts'

/** What a person reads of one thing that an app asks for. */
interface Described {
  readonly scope: string
  readonly title: string
  readonly description: string
  readonly icon: string
  /** Whether it changes something, or goes on without the person: such things are read first. */
  readonly weighty: boolean
}

// The heaviest first.
const WEIGHTY = [ADMINISTRATION_SCOPE, 'update', 'offline_access']

const ICONS: Readonly<Record<string, string>> = {
  [ADMINISTRATION_SCOPE]: 'shield',
  update: 'pen',
  offline_access: 'timer',
  read: 'book',
}

/** Its place among those that weigh, or behind them all. */
const weightOf = ({ scope, weighty }: Described): number => (weighty ? WEIGHTY.indexOf(scope) : WEIGHTY.length)

/** Scopes that tell who somebody is, and open nothing. */
const isIdentity = (item: string): boolean => isProtocolScope(item) && item !== 'offline_access'

/** Which APIs a person is asked about. */
interface Asked {
  /** Those that the app may name. */
  readonly resources: readonly ApiResource[]
  /** Those that a scope is asked of. */
  readonly apisOf: (scope: string) => readonly ApiResource[]
}

/** All that an app asks for, the heaviest first, and apart from it what tells the app who the person is. */
export function describeScopes(
  items: readonly string[],
  { t, has }: { readonly t: Translate; readonly has: Messages['has'] },
  asked: Asked,
  locale: string,
) {
  const described = items.map((item) => describeScope(item, t, has, asked, locale))
  const scopes = described.filter(({ scope }) => !isIdentity(scope))
  const identity = described.filter(({ scope }) => isIdentity(scope))
  const words = identity.map(({ scope }) => t(`scope.${scope}.short`))
  return {
    scopes: scopes.toSorted((one, other) => weightOf(one) - weightOf(other)),
    identity,
    identityWords: new Intl.ListFormat(locale).format(words),
  }
}

/** What a scope lets the app do: what its APIs say in this language, or else the catalogue, or else its name and what its APIs say of it. */
function describeScope(scope: string, t: Translate, has: Messages['has'], asked: Asked, locale: string): Described {
  const identifier = resourceOfItem(scope)
  if (identifier !== undefined) {
    const found = asked.resources.find((resource) => resource.identifier === identifier)
    const name = found ? nameIn(found, locale) : identifier
    return {
      scope: identifier,
      title: t('consent.resource.title', { name }),
      description: t('consent.resource.description'),
      icon: 'plug',
      weighty: false,
    }
  }
  const own = has(`scope.${scope}.title`)
  const key = own ? scope : 'other'
  const said = textsOf(scope, asked.apisOf(scope), locale)
  return {
    scope,
    title: said.name ?? t(`scope.${key}.title`, { scope }),
    description: said.description ?? (own ? undefined : said.fallback) ?? t(`scope.${key}.description`, { scope }),
    icon: Object.hasOwn(ICONS, scope) ? (ICONS[scope] ?? 'key') : isIdentity(scope) ? 'card' : 'key',
    weighty: WEIGHTY.includes(scope),
  }
}
