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
      // The app may have said something else of itself since, which changes no record; only an administrator decides here.
      later.change(async ({ selfRegistrations }) => {
        const present = await selfRegistrations.find(uri)
        if (present) await selfRegistrations.update(uri, { ...present, decided: stored.decided })
      })
    },
  }
}
