import type { Command } from 'commander'
import {
  OF_THE_PROCESS,
  type ShownInstanceSetting,
  showInstanceSetting,
  showInstanceSettings,
} from '../../admin/change/instance-settings.ts'
import { type Config, examineConfig } from '../../config/read-config.ts'
import { SETTINGS } from '../../config/settings.ts'
import type { ShownSetting } from '../../config/show-setting.ts'
import { INSTANCE_SETTING_NAMES } from '../../domain/instance/instance-settings.ts'
import { inShort } from '../../domain/instance/setting-kinds.ts'
import { globalsOf } from '../kit/globals.ts'
import { helpText } from '../kit/help.ts'
import { block, columns, note, print, reportFailure } from '../kit/output.ts'
import { Problem, wrongUsage } from '../kit/problem.ts'
import { terminalOf } from '../kit/terminal.ts'
import { unknownWord } from '../kit/unknown-word.ts'
import { configOf, lookForInstance, withStore } from '../kit/with-core.ts'
import { settingsSetCommands } from './settings-set.ts'

/** `tessera settings ...`: what is in force and from where, and what administrators change at run time. */
export function settingsCommands(program: Command): void {
  const settings = program
    .command('settings')
    .description('settings: what is in force and where it comes from; changes those of the instance')
    .helpCommand(false)
    .addHelpText(
      'after',
      helpText([
        'tessera settings',
        'tessera settings list ApiSessionIdle',
        'tessera settings set ApiSessionIdle 30m',
        'tessera settings unset ApiSessionIdle',
      ]),
    )
  settings
    .command('list [name...]', { isDefault: true })
    .description('show settings: all of them, or those named with their meaning; the default of tessera settings')
    .addHelpText(
      'after',
      helpText(
        ['tessera settings', 'tessera settings TESSERA_ISSUER AuditRetention', 'tessera settings --json'],
        `Settings of the process (TESSERA_...) come from the environment or from the file of --config, and count from the next start of
the server. The values shown are those of this command, so give it the settings of the server. Settings of the instance come from
the database, and count from the next request. Secrets are not shown.`,
      ),
    )
    .action((names: readonly string[], _flags: unknown, command: Command) => list(names, command))
  settingsSetCommands(settings)
}

/** A setting of either kind, as it is in force. */
type Shown = (ShownSetting | ShownInstanceSetting) & { readonly kind: 'process' | 'instance' }

async function list(names: readonly string[], command: Command): Promise<void> {
  const unknown = names.find((name) => !NAMES.includes(name))
  if (unknown !== undefined) throw wrongUsage(...unknownSetting(unknown))
  const { environment } = terminalOf(command)
  const { shown, faults: wrong } = examineConfig(environment, globalsOf(command).config)
  const all: Shown[] = [
    ...shown.map((setting) => ({ ...setting, kind: 'process' as const })),
    ...(await instanceSettings(command, wrong)).map((setting) => ({ ...setting, kind: 'instance' as const })),
  ]
  const wanted = names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
  print(command, wanted, names.length === 0 ? overview(wanted) : wanted.map(inFull).join('\n\n'))
  if (wrong.length === 0) return
  // They are shown all the same: whoever asks wants to put them right.
  terminalOf(command).exitCode = 2
  reportFailure(terminalOf(command), wrong, 2, globalsOf(command).json)
}

/** Those of the database. Where it cannot be asked, what leads to it is shown all the same, and the defaults. */
async function instanceSettings(command: Command, wrong: readonly string[]): Promise<ShownInstanceSetting[]> {
  let found = INSTANCE_SETTING_NAMES.map((name) => showInstanceSetting(name, undefined))
  if (wrong.length > 0) return found
  const config: Config = configOf(command)
  try {
    const { missing } = await lookForInstance(config)
    if (missing === undefined)
      await withStore(config, async ({ read }) => {
        found = await showInstanceSettings(read)
      })
    else note(command, 'there is no instance yet: settings of the instance are shown with their defaults')
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    terminalOf(command).exitCode = 1
    note(command, 'settings of the instance are shown with their defaults:')
    reportFailure(terminalOf(command), error.lines, 1, globalsOf(command).json)
  }
  return found
}

const NAMES: readonly string[] = [...INSTANCE_SETTING_NAMES, ...Object.keys(SETTINGS)]

/** Somebody may have meant a command instead. */
const unknownSetting = (name: string): string[] =>
  unknownWord('setting', name, [...NAMES, 'set', 'unset'], 'tessera settings lists them all')

const valueText = ({ value }: Shown): string =>
  value === null ? '(cannot be used)' : value === '' ? '-' : inShort(value)

/** What fits on a line; the meaning is in the help of each. */
function overview(all: readonly Shown[]): string {
  const rows = (kind: Shown['kind']): string[][] =>
    all.filter((one) => one.kind === kind).map((one) => [one.name, valueText(one), one.from, one.help])
  const heading = ['SETTING', 'VALUE', 'FROM', 'MEANING']
  return columns([heading, ...rows('process'), [''], ...rows('instance')])
}

const inFull = (one: Shown): string =>
  `${one.name}\n${block([
    ['Value', valueText(one)],
    ['From', one.from],
    ['Default', one.default],
    ['Meaning', one.help],
    ...('expects' in one ? ([['Expects', one.expects]] as const) : []),
    ['Change', one.kind === 'instance' ? `tessera settings set ${one.name} VALUE` : OF_THE_PROCESS],
  ])}`
