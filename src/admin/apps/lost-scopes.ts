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
  if (lost.length === 0) return []
  const everyApp = await apps.list()
  return lost.flatMap((scope) => {
    const users = everyApp.filter((app) => app.scope.includes(scope)).map(({ applicationUri }) => applicationUri)
    const reason = `${scope} would be removed, but is in the Scope of ${users.join(', ')}; remove it there first`
    return users.length === 0 ? [] : [{ attribute: 'Scopes', reason }]
  })
}
