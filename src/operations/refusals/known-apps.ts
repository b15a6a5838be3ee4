import { LRUCache } from 'lru-cache'

// Names; that of an app nobody has asked for longest is forgotten first.
const MOST_KNOWN = 10_000

interface Named {
  readonly applicationUri: string
}
interface Apps {
  find(applicationUri: string): Promise<Named | undefined>
}

export type KnownApps = ReturnType<typeof createKnownApps>

/** Tells names of apps that were found lately from those that somebody made up, without asking the database. */
export function createKnownApps() {
  const names = new LRUCache<string, true>({ max: MOST_KNOWN })
  return {
    has: (applicationUri: string): boolean => names.has(applicationUri),

    /** Notes every app that is found from now on. */
    watch: <T extends Apps>(apps: T): T => ({
      ...apps,
      find: async (applicationUri: string) => {
        const found = await apps.find(applicationUri)
        if (found) names.set(found.applicationUri, true)
        return found
      },
    }),
  }
}
