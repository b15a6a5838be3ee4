import type { Command } from 'commander'
import { changeInstanceSettings, OF_THE_PROCESS, readInstanceSettings } from '../../admin/change/instance-settings.ts'
import { SETTINGS } from '../../config/settings.ts'
import { INSTANCE_SETTING_NAMES, isInstanceSetting } from '../../domain/instance/instance-settings.ts'
import { inShort } from '../../domain/instance/setting-kinds.ts'
import { commandLine } from '../kit/actor.ts'
import { differences } from '../kit/differences.ts'
import { helpText } from '../kit/help.ts'
import { print } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { unknownWord } from '../kit/unknown-word.ts'
import { withCore } from '../kit/with-core.ts'

/** `tessera settings set|unset`: changes settings of the instance. */
export function settingsSetCommands(settings: Command): void {
  settings
    .command('set <name> <value>')
    .description('change a setting of the instance; a running server uses it from its next request')
    .addHelpText(
      'after',
      helpText(
        ['tessera settings set ApiSessionIdle 30m', 'tessera settings set LicenceSlots 25'],
        `Settings of the instance; tessera settings NAME tells what each means and expects:\n  ${INSTANCE_SETTING_NAMES.join('\n  ')}`,
      ),
    )
    .action((name: string, value: string, _flags: unknown, command: Command) => change(name, value, command))
  settings
    .command('unset <name>')
    .description('give a setting of the instance its default again')
    .addHelpText('after', helpText(['tessera settings unset ApiSessionIdle']))
    .action((name: string, _flags: unknown, command: Command) => change(name, null, command))
}

async function change(name: string, value: string | null, command: Command): Promise<void> {
  if (!isInstanceSetting(name)) throw wrongUsage(...whyNotHere(name))
  await withCore(command, async ({ store, clock }) => {
    const [before, after] = await store.writeAlone(async (unit) => {
      const old = await readInstanceSettings(unit)
      await changeInstanceSettings(unit, { [name]: value }, commandLine(clock()))
      return [old, await readInstanceSettings(unit)] as const
    })
    print(
      command,
      { name, value: after[name], before: before[name] },
      differences({ [name]: inShort(before[name]) }, { [name]: inShort(after[name]) }),
    )
  })
}

/** Whoever names a setting of the process learns how that is changed. */
function whyNotHere(name: string): string[] {
  if (Object.hasOwn(SETTINGS, name)) return [`${name} ${OF_THE_PROCESS}`]
  const known = [...INSTANCE_SETTING_NAMES, ...(name.startsWith('TESSERA_') ? Object.keys(SETTINGS) : [])]
  return unknownWord('setting', name, known, 'tessera settings lists them all')
}
