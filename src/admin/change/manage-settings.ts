import type { Repositories } from '../../store/store.ts'
import {
  changeInstanceSettings,
  type SettingsChange,
  type ShownInstanceSetting,
  showInstanceSettings,
} from './instance-settings.ts'
import type { Actor, RunChange } from './run-change.ts'
import { type Expected, requireExpected, versionOfSettings } from './versions.ts'

/** A setting that is read at the start, as whoever starts the server shows it. */
interface ProcessSetting {
  readonly name: string
  readonly value: string | null
  readonly from: string
  readonly default: string
  readonly help: string
}

interface Dependencies {
  readonly read: Pick<Repositories, 'settings'>
  readonly runChange: RunChange<'settings' | 'auditEvents'>
  readonly processSettings: readonly ProcessSetting[]
}

export type ManageSettings = ReturnType<typeof createManageSettings>

/** Settings as the administration API handles them; those of the process are for reading. */
export function createManageSettings({ read, runChange, processSettings }: Dependencies) {
  const describe = (settings: readonly ShownInstanceSetting[]) => ({
    record: {
      items: [
        ...settings.map(({ help, ...shown }) => ({ ...shown, kind: 'instance', meaning: help })),
        ...processSettings.map(({ help, ...shown }) => ({ ...shown, kind: 'process', meaning: help })),
      ],
    },
    version: versionOfSettings(settings),
  })

  return {
    list: async () => describe(await showInstanceSettings(read)),

    patch: (change: SettingsChange, expected: Expected, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        requireExpected(versionOfSettings(await showInstanceSettings(unit)), expected)
        await changeInstanceSettings(unit, change, context)
        return describe(await showInstanceSettings(unit))
      }),
  }
}
