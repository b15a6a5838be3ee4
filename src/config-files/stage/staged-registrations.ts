import type { SelfRegistrations } from '../../store/repositories/apps/self-registrations.ts'
import type { Later } from './later.ts'

/** What apps registered of themselves, as it is to be: what changes is held back. */
export function createStagedRegistrations(read: SelfRegistrations, later: Later): SelfRegistrations {
  const known = new Map<string, Awaited<ReturnType<SelfRegistrations['find']>>>()

  async function find(uri: string) {
    if (!known.has(uri)) known.set(uri, await read.find(uri))
    return known.get(uri)
  }

  return {
    ...read,
    find,
    async update(uri, stored) {
      const before = await find(uri)
      if (before) known.set(uri, { ...before, ...stored })
      // The app may say something else of itself meanwhile, which changes no record; only an administrator decides here.
      later.changeEach('decided of apps', [uri, stored.decided] as const, ({ selfRegistrations }, decided) =>
        selfRegistrations.decideEach(new Map(decided)),
      )
    },
  }
}
