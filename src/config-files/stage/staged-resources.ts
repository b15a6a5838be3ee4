import type { ApiResource } from '../../domain/access/api-resource.ts'
import type { ApiResources } from '../../store/repositories/apps/api-resources.ts'
import type { Later, Was } from './later.ts'

const inOrder = (resource: ApiResource): ApiResource => ({
  ...resource,
  resourceServers: [...resource.resourceServers].sort(),
})

/** API resources as they are to be: what changes is held back. */
export function createStagedResources(read: ApiResources, later: Later) {
  let known: Promise<Map<string, Was<ApiResource>>> | undefined

  function all(): Promise<Map<string, Was<ApiResource>>> {
    known ??= read
      .list()
      .then((list) => new Map(list.map((one) => [one.identifier, { before: one, after: one }] as const)))
    return known
  }

  async function put(
    identifier: string,
    after: ApiResource | undefined,
    make: Parameters<Later['change']>[0],
  ): Promise<void> {
    const resources = await all()
    resources.set(identifier, { before: resources.get(identifier)?.before, after: after && inOrder(after) })
    later.change(make)
  }

  const resources: ApiResources = {
    ...read,
    async list() {
      const left = [...(await all()).values()].flatMap(({ after }) => after ?? [])
      return left.sort((a, b) => (a.identifier < b.identifier ? -1 : 1))
    },
    async add(resource) {
      if ((await all()).get(resource.identifier)?.after) return false
      await put(resource.identifier, resource, (unit, then) => unit.resources.add(resource, then))
      return true
    },
    update: (resource) => put(resource.identifier, resource, (unit, now) => unit.resources.update(resource, now)),
    remove: (identifier) => put(identifier, undefined, (unit) => unit.resources.remove(identifier)),
  }

  return { resources, looked: async (): Promise<readonly Was<ApiResource>[]> => [...(await all()).values()] }
}
