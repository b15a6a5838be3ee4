import { type InstanceSettingName, storedName, valueOfSetting } from '../../domain/instance/instance-settings.ts'
import type { Settings } from '../../store/repositories/instance/settings.ts'

/** What a setting of the instance means now: milliseconds for a length of time. */
export const readSetting = async (settings: Pick<Settings, 'get'>, name: InstanceSettingName): Promise<number> =>
  valueOfSetting(name, await settings.get(storedName(name)))
