import type { ReadCatalogue } from '../../../domain/access/resource-indicators.ts'
import type { ApiResources } from '../../../store/repositories/apps/api-resources.ts'

/**
 * Knows the APIs that tokens can be for, as they are registered now.
 * @param defaultResource identifier of the API of the instance itself
 */
export const createReadCatalogue =
  (resources: Pick<ApiResources, 'list'>, defaultResource: string): ReadCatalogue =>
  async () => ({ defaultResource, resources: await resources.list() })
