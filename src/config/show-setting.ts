import type { Setting } from './settings.ts'

/** Where a setting of the process gets its value from; a default counts where nothing is said. */
export type SettingSource = 'environment' | 'config file' | 'default'

/** A setting of the process as anybody who may read settings may see it. */
export interface ShownSetting {
  readonly name: string
  /** Nothing of a secret; `null` for a value that cannot be used. */
  readonly value: string | null
  readonly from: SettingSource
  readonly default: string
  readonly help: string
}

/** @param text what it is set to, or `undefined` when that cannot be used: a password may have strayed into it */
export const showSetting = (
  name: string,
  { default: fallback, help, show }: Setting<unknown>,
  text: string | undefined,
  from: SettingSource,
): ShownSetting => ({
  name,
  value: text === undefined ? null : text === '' ? '' : show(text),
  from,
  default: fallback,
  help,
})
