import type { ApiResource } from '../domain/api-resource.ts'
import type { Description, Unit } from './describe-instance.ts'
import type { ConfigurationFault } from './fault.ts'
import type { Wanted } from './read-files.ts'

/** An app that lists a scope which no API resource has any more could not work. */
export async function lostScopes(
  unit: Unit,
  { kinds, resources }: Wanted,
  before: Description,
): Promise<ConfigurationFault[]> {
  if (!kinds.has('resource')) return []
  const left = new Set((await unit.resources.list()).flatMap(scopesOf))
  const apps = await unit.apps.list()
  return [...before.resource].flatMap(([id, { Scopes }]) => {
    const lost = (Scopes as readonly { Name: string }[]).map(({ Name }) => Name).filter((scope) => !left.has(scope))
    const place = resources.find(({ resource }) => resource.identifier === id)?.record.placeOf('Scopes')
    return lost.flatMap((scope) => {
      const users = apps.filter((app) => app.scope.includes(scope)).map(({ applicationUri }) => applicationUri)
      const reason = `${scope} goes, but is in the Scope of ${users.join(', ')}`
      return users.length === 0
        ? []
        : [{ ...(place ?? { file: '--prune' }), kind: 'resource' as const, id, attribute: 'Scopes', reason }]
    })
  })
}

const scopesOf = ({ scopes }: ApiResource): string[] => scopes.map(({ name }) => name)
