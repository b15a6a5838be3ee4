import type { Command } from 'commander'
import { SETTINGS } from '../../config/settings.ts'
import { helpText } from '../kit/help.ts'
import { print, table } from '../kit/output.ts'

/** `tessera settings`: what can be configured. */
export function settingsCommand(program: Command): void {
  program
    .command('settings')
    .description('list every TESSERA_ setting with its default')
    .addHelpText('after', helpText(['tessera settings', 'tessera settings --json']))
    .action((_flags: unknown, command: Command) => {
      const settings = Object.entries(SETTINGS).map(([name, setting]) => ({
        name,
        default: setting.default,
        help: setting.help,
      }))
      const rows = settings.map((setting) => [setting.name, setting.default || '-', setting.help])
      print(command, settings, table(['Setting', 'Default', 'Meaning'], rows, ''))
    })
}
