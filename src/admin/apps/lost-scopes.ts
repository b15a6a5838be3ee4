import { type ApiResource, scopesOf } from '../../domain/access/api-resource.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import type { Repositories } from '../../store/store.ts'

/**
 * Says why scopes cannot go: an app that lists a scope which no API has any more could not work.
 * @param before the API as it was, or is as long as nothing is stored
 * @param after every API as it is to be
 */
export async function whyScopesStay(
  { apps }: Pick<Repositories, 'apps'>,
  before: ApiResource,
  after: readonly ApiResource[],
): Promise<Fault[]> {
  const left = scopesOf(after)
  const lost = scopesOf([before]).filter((scope) => !left.includes(scope))
  const faults: Fault[] = []
  for (const scope of lost) {
    const users = (await apps.naming(scope)).filter((app) => app.scope.includes(scope))
    const uris = users.map(({ applicationUri }) => applicationUri).join(', ')
    const reason = `${scope} would be removed, but is in the Scope of ${uris}; remove it there first`
    if (users.length > 0) faults.push({ attribute: 'Scopes', reason })
  }
  return faults
}
