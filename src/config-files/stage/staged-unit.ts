import type { AuditRecord } from '../../domain/instance/audit.ts'
import type { StagedRecords } from '../../domain/instance/staged-records.ts'
import type { Unit } from '../schema/describe-instance.ts'
import { keepChanges, type Was } from './later.ts'
import { createStagedApps } from './staged-apps.ts'
import { createStagedRegistrations } from './staged-registrations.ts'
import { createStagedResources } from './staged-resources.ts'
import { createStagedUsers } from './staged-users.ts'

export type StagedUnit = ReturnType<typeof createStagedUnit>

/**
 * A unit of work that holds everything back: it reads what is committed and sees its own changes, and nobody waits for it. What it
 * holds back is many new records, to be put in together, and single changes to be made after them.
 */
export function createStagedUnit(read: Unit) {
  const auditEvents: AuditRecord[] = []
  const committed: (() => void)[] = []
  const settings = new Map<string, Was<string>>()
  const { later, count, makeThem } = keepChanges()
  const { users, ...people } = createStagedUsers(read.users, later)
  const { apps, ...clients } = createStagedApps(read.apps, later)
  const { resources, ...apis } = createStagedResources(read.resources, later)

  const unit: Unit = {
    users,
    apps,
    resources,
    selfRegistrations: createStagedRegistrations(read.selfRegistrations, later),
    settings: {
      ...read.settings,
      async get(name) {
        if (!settings.has(name)) {
          const before = await read.settings.get(name)
          settings.set(name, { before, after: before })
        }
        return settings.get(name)?.after
      },
      async getEach(names) {
        const missing = names.filter((name) => !settings.has(name))
        const found = missing.length === 0 ? new Map<string, string>() : await read.settings.getEach(missing)
        for (const name of missing) settings.set(name, { before: found.get(name), after: found.get(name) })
        return new Map(
          names.flatMap((name) => {
            const value = settings.get(name)?.after
            return value === undefined ? [] : [[name, value] as const]
          }),
        )
      },
      async set(name, value) {
        settings.set(name, { before: settings.get(name)?.before, after: value })
        later.change((stored) => stored.settings.set(name, value))
      },
      async remove(name) {
        settings.set(name, { before: settings.get(name)?.before, after: undefined })
        later.change((stored) => stored.settings.remove(name))
      },
    },
    signInAttempts: {
      ...read.signInAttempts,
      async forgetUser(id) {
        later.changeEach('attempts forgotten', id, (stored, ids) => stored.signInAttempts.forgetUsers(ids))
        return 0
      },
    },
    auditEvents: {
      ...read.auditEvents,
      async add(records, whenCommitted) {
        auditEvents.push(...records)
        if (whenCommitted) committed.push(whenCommitted)
      },
    },
  }

  return {
    unit,
    people,
    clients,
    apis,
    /** Whether anything is held back. */
    isEmpty: (): boolean => auditEvents.length === 0 && count() === 0,
    records: (): StagedRecords => ({ ...people.records(), ...clients.records(), auditEvents }),
    /** Makes the changes that are not records to be put in together, after those. */
    makeChanges: makeThem,
    /** Tells that everything is there to stay. */
    tellCommitted: (): void => {
      for (const tell of committed) tell()
    },
  }
}
