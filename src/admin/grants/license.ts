import { fieldChanges } from '../../domain/records/field-changes.ts'
import type { Refused } from '../../domain/refusals/errors.ts'
import { LICENCE_SLOTS } from '../../domain/sessions/api-session.ts'
import type { SlotUsage } from '../../domain/sessions/licence-slots.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { conflict } from '../change/refuse-change.ts'
import { requireUser } from '../users/find-user.ts'

type Reading = Pick<Repositories, 'settings' | 'users' | 'reservedUsers' | 'apiSessions'>
type Unit = Reading & Pick<Repositories, 'auditEvents'>

/** How many API sessions there may be, and who is sure of one. */
export interface License {
  /** `undefined` for any number. */
  readonly slots: number | undefined
  readonly usage: SlotUsage
  /** Logins, in the order of the alphabet. */
  readonly reserved: readonly string[]
}

/** The licence as it stands. @param now milliseconds since 1970 */
export async function readLicense(unit: Reading, now: number): Promise<License> {
  const rules = await unit.settings.apiSessionRules()
  const logins = await unit.users.loginsOf(await unit.reservedUsers.list())
  const reserved = [...logins.values()].sort()
  return { slots: rules.slots, usage: await unit.apiSessions.survey({ rules, now }), reserved }
}

/** The licence as commands and the administration API show it; `kept` are those of the free slots that wait for reserved users. */
export const showLicense = ({ slots, usage: { live, reservedAbsent }, reserved }: License) => ({
  slots: slots ?? null,
  used: live,
  free: slots === undefined ? null : Math.max(0, slots - live),
  kept: slots === undefined ? 0 : Math.min(reservedAbsent.length, Math.max(0, slots - live)),
  reserved,
})

/** What is to be another way; the rest stays. */
export interface LicenseChange {
  readonly slots?: number | 'unlimited' | undefined
  /** Users by login, e-mail or id. */
  readonly reserve: readonly string[]
  readonly unreserve: readonly string[]
}

/** Changes the number of licence slots, or for whom one is kept; it ends no session. @throws Refused */
export async function setLicense(unit: Unit, change: LicenseChange, context: ChangeContext): Promise<License> {
  const before = await readLicense(unit, context.now)
  const known = await unit.reservedUsers.list()
  for (const name of change.reserve) {
    const { id, login, type } = await requireUser(unit, name)
    if (type === 'ExternalCommunityUser')
      throw refuse(`${login} is a community user: they have no access to APIs and need no licence slot`)
    await unit.reservedUsers.add(id)
  }
  for (const name of change.unreserve) {
    const { id, login } = await requireUser(unit, name)
    if (!known.includes(id)) throw refuse(`${login} is not reserved; tessera license show lists reserved users`)
    await unit.reservedUsers.remove(id)
  }
  if (change.slots !== undefined) await unit.settings.set(LICENCE_SLOTS, String(change.slots))
  const after = await readLicense(unit, context.now)
  const fields = fieldChanges(shown(before), shown(after))
  if (Object.keys(fields).length > 0)
    await recordChange(unit, { event: 'license_changed', detail: { fields } }, context)
  return after
}

const shown = ({ slots, reserved }: License) => ({ slots: slots ?? 'unlimited', reserved })

const refuse = (reason: string): Refused => conflict([{ attribute: 'reserved', reason }])
