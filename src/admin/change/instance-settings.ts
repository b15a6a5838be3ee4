import {
  INSTANCE_SETTING_NAMES,
  INSTANCE_SETTINGS,
  type InstanceSettingName,
  storedName,
} from '../../domain/instance/instance-settings.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from './record-change.ts'
import { invalidChange } from './refuse-change.ts'

type Unit = Pick<Repositories, 'settings' | 'auditEvents'>

/** Every setting as text, as an administrator would write it. */
export async function readInstanceSettings({
  settings,
}: Pick<Unit, 'settings'>): Promise<Record<InstanceSettingName, string>> {
  const entries = INSTANCE_SETTING_NAMES.map(
    async (name) => [name, (await settings.get(storedName(name))) ?? INSTANCE_SETTINGS[name].default] as const,
  )
  return Object.fromEntries(await Promise.all(entries)) as Record<InstanceSettingName, string>
}

/** Changes a setting. @throws Refused when the value cannot be read */
export async function setInstanceSetting(
  unit: Unit,
  name: InstanceSettingName,
  value: string,
  context: ChangeContext,
): Promise<void> {
  const { expects, read } = INSTANCE_SETTINGS[name]
  if (read(value) === undefined) throw invalidChange([{ attribute: name, reason: `expects ${expects}` }])
  const before = (await readInstanceSettings(unit))[name]
  if (before === value) return
  await unit.settings.set(storedName(name), value)
  const detail = { fields: { [name]: { from: before, to: value } } }
  await recordChange(unit, { event: 'setting_changed', detail }, context)
}
