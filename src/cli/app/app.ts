import type { Command } from 'commander'
import { removeApp, requireApp, setAppEnabled } from '../../admin/apps/apps.ts'
import { commandLine } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { print } from '../kit/output.ts'
import { withCore } from '../kit/with-core.ts'
import { attributesCommand } from './app-attributes.ts'
import { logoutsCommand } from './app-logouts.ts'
import { loginsFor, recordOf } from './app-record.ts'
import { registerCommand } from './app-register.ts'
import { secretCommands } from './app-secret.ts'
import { showCommands } from './app-show.ts'
import { updateCommand } from './app-update.ts'

/** `tessera app ...`: the Trusted Applications. */
export function appCommands(program: Command): void {
  const app = program
    .command('app')
    .description('Trusted Applications: the OAuth clients')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera app list', 'tessera app register --help']))
  registerCommand(app)
  showCommands(app)
  updateCommand(app)
  attributesCommand(app)
  app
    .command('enable <application-uri>')
    .description('enable a disabled app again; what was issued to it before stays ended')
    .addHelpText('after', helpText(['tessera app enable my.trusted.app/web']))
    .action((uri: string, _flags: unknown, command: Command) => setEnabled(uri, true, command))
  app
    .command('disable <application-uri>')
    .description('refuse every request of the app, and end everything issued to it')
    .addHelpText('after', helpText(['tessera app disable my.trusted.app/web']))
    .action((uri: string, _flags: unknown, command: Command) => setEnabled(uri, false, command))
  secretCommands(app)
  logoutsCommand(app)
  app
    .command('remove <application-uri>')
    .description('remove the app with its secrets, consents and tokens')
    .option('--yes', 'do not ask for confirmation')
    .addHelpText(
      'after',
      helpText(['tessera app remove my.trusted.app/web', 'tessera app remove my.trusted.app/web --yes']),
    )
    .action(remove)
}

const setEnabled = (applicationUri: string, enabled: boolean, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    const { before, after } = await store.writeAlone(async (unit) => {
      await requireApp(unit, applicationUri)
      return setAppEnabled(unit, applicationUri, enabled, commandLine(clock()))
    })
    const state = enabled ? 'enabled' : 'disabled'
    const effect = enabled ? 'What was issued to it before stays ended.' : 'Everything that was issued to it has ended.'
    const text =
      before.isEnabled === enabled
        ? `${applicationUri} is already ${state}.`
        : `${applicationUri} is ${state}. ${effect}`
    print(command, recordOf(after, await loginsFor([after], store.read)), text)
  })

const remove = (applicationUri: string, flags: { readonly yes?: boolean }, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    await requireApp(store.read, applicationUri)
    await confirm(
      command,
      `This removes ${applicationUri} with its secrets, consents and tokens. This cannot be undone.`,
      flags.yes,
    )
    await store.writeAlone((unit) => removeApp(unit, applicationUri, commandLine(clock())))
    print(command, { ApplicationUri: applicationUri, removed: true }, `${applicationUri} is removed.`)
  })
