import { whyScopesStay } from '../../admin/apps/lost-scopes.ts'
import type { ApiResource } from '../../domain/access/api-resource.ts'
import type { Wanted } from '../read/read-files.ts'
import type { Unit } from '../schema/describe-instance.ts'
import type { ConfigurationFault } from '../schema/fault.ts'

/**
 * Checks once everything is in place whether apps lost a scope: one record may make room for another.
 * @param before the API resources as they were
 */
export async function lostScopes(
  unit: Unit,
  { resources }: Wanted,
  before: readonly ApiResource[],
): Promise<ConfigurationFault[]> {
  const after = await unit.resources.list()
  const faults = before.map(async (resource): Promise<ConfigurationFault[]> => {
    const { identifier: id } = resource
    const wanted = resources.find((one) => one.resource.identifier === id)?.record
    return (await whyScopesStay(unit, resource, after)).map(({ attribute, reason }) => ({
      ...(wanted?.placeOf(attribute) ?? { file: '--prune' }),
      kind: 'resource',
      id,
      attribute,
      reason,
    }))
  })
  return (await Promise.all(faults)).flat()
}
