import type { Command } from 'commander'
import { APP_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import { helpText } from '../kit/help.ts'
import { print } from '../kit/output.ts'
import { defaultOf, descriptions, meaningOf } from './attribute-help.ts'

/** `tessera app attributes`: what `--set` can change, and what each of it means. */
export function attributesCommand(app: Command): void {
  app
    .command('attributes')
    .description('explain every attribute that --set can change')
    .addHelpText('after', helpText(['tessera app attributes', 'tessera app attributes --json']))
    .action((_flags: unknown, command: Command) => {
      const document = APP_ATTRIBUTES.map((one) => ({
        name: one.name,
        group: one.group,
        meaning: meaningOf(one),
        expects: one.expects,
        default: defaultOf(one),
      }))
      print(command, document, descriptions())
    })
}
