import {
  INSTANCE_SETTING_NAMES,
  INSTANCE_SETTINGS,
  type InstanceSettingName,
  isInstanceSetting,
  storedName,
} from '../../domain/instance/instance-settings.ts'
import { inShort, type SettingKind } from '../../domain/instance/setting-kinds.ts'
import type { FieldChanges } from '../../domain/records/field-changes.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from './record-change.ts'
import { invalidChange } from './refuse-change.ts'

type Unit = Pick<Repositories, 'settings' | 'auditEvents'>

/** A setting as commands and the administration API show it. */
export interface ShownInstanceSetting {
  readonly name: InstanceSettingName
  /** As an administrator would write it. */
  readonly value: string
  readonly from: 'database' | 'default'
  readonly default: string
  readonly expects: string
  readonly help: string
}

/** Every setting, and whether an administrator has set it. */
export async function showInstanceSettings({ settings }: Pick<Unit, 'settings'>): Promise<ShownInstanceSetting[]> {
  const stored = await settings.getEach(INSTANCE_SETTING_NAMES.map(storedName))
  return INSTANCE_SETTING_NAMES.map((name) => showInstanceSetting(name, stored.get(storedName(name))))
}

/** A setting of which the database keeps this text, or none. */
export function showInstanceSetting(name: InstanceSettingName, stored: string | undefined): ShownInstanceSetting {
  const { default: fallback, expects, help } = INSTANCE_SETTINGS[name]
  const from = stored === undefined ? 'default' : 'database'
  return { name, value: stored ?? fallback, from, default: fallback, expects, help }
}

/** Every setting as text, as an administrator would write it. */
export async function readInstanceSettings(unit: Pick<Unit, 'settings'>): Promise<Record<InstanceSettingName, string>> {
  const shown = await showInstanceSettings(unit)
  return Object.fromEntries(shown.map(({ name, value }) => [name, value])) as Record<InstanceSettingName, string>
}

/** What settings are to be; `null` is their default. The names are those that somebody wrote. */
export type SettingsChange = Readonly<Record<string, string | null>>

/** Changes settings, all of them or none. @throws Refused with everything that is wrong */
export async function changeInstanceSettings(
  unit: Unit,
  change: SettingsChange,
  context: ChangeContext,
): Promise<void> {
  const faults = Object.entries(change).flatMap(([name, value]) => whyNotSet(name, value))
  if (faults.length > 0) throw invalidChange(faults)
  const before = await unit.settings.getEach(INSTANCE_SETTING_NAMES.map(storedName))
  const changes = Object.entries(change).map(
    ([name, value]) =>
      [name as InstanceSettingName, before.get(storedName(name as InstanceSettingName)), value] as const,
  )
  for (const [name, stored, value] of changes) await bringAbout(unit, name, stored, value)
  const fields: FieldChanges = Object.fromEntries(
    changes
      .map(([name, stored, to]) => [name, { from: stored ?? defaultOf(name), to: to ?? defaultOf(name) }] as const)
      .filter(([, { from, to }]) => from !== to)
      .map(([name, { from, to }]) => [name, { from: inShort(from, MOST_AUDITED), to: inShort(to, MOST_AUDITED) }]),
  )
  if (Object.keys(fields).length > 0)
    await recordChange(unit, { event: 'setting_changed', detail: { fields } }, context)
}

// Longer than any but a picture.
const MOST_AUDITED = 4000

const defaultOf = (name: InstanceSettingName): string => INSTANCE_SETTINGS[name].default

/** What is said already is not said again, so that what nobody changed keeps following the default. */
async function bringAbout(
  { settings }: Pick<Unit, 'settings'>,
  name: InstanceSettingName,
  stored: string | undefined,
  wanted: string | null,
): Promise<void> {
  if (wanted === null) await settings.remove(storedName(name))
  else if ((stored ?? defaultOf(name)) !== wanted) await settings.set(storedName(name), wanted)
}

/** What is wrong with setting a setting; `null` stands for its default. */
export function whyNotSet(name: string, value: string | null): Fault[] {
  if (!isInstanceSetting(name)) return [{ attribute: name, reason: whyNoSetting(name) }]
  const { expects, read, whyNot }: SettingKind<unknown> = INSTANCE_SETTINGS[name]
  if (value === null || read(value) !== undefined) return []
  return [{ attribute: name, reason: whyNot?.(value) ?? `expects ${expects}` }]
}

const whyNoSetting = (name: string): string =>
  name.startsWith('TESSERA_')
    ? OF_THE_PROCESS
    : `is not a setting${didYouMean(name, INSTANCE_SETTING_NAMES) || EXPECTED}`

const EXPECTED = `; expected: ${INSTANCE_SETTING_NAMES.join(', ')}`

/** How what is no setting of the instance is changed. */
export const OF_THE_PROCESS =
  'is read when the server starts: change it in its environment or in the file of --config, and restart the server'
