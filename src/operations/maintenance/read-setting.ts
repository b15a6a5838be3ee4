import {
  type InstanceSettingName,
  type InstanceSettingValue,
  storedName,
  valueOfSetting,
} from '../../domain/instance/instance-settings.ts'
import type { Settings } from '../../store/repositories/instance/settings.ts'

/** What a setting of the instance means now: milliseconds for a length of time. */
export const readSetting = async <Name extends InstanceSettingName>(
  settings: Pick<Settings, 'get'>,
  name: Name,
): Promise<InstanceSettingValue<Name>> => valueOfSetting(name, await settings.get(storedName(name)))
