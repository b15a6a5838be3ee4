import type { Command } from 'commander'
import { requireUser } from '../../admin/users/find-user.ts'
import { NO_ADMINISTRATOR, watchAdministrators } from '../../admin/users/last-administrator.ts'
import { appsActingAs, removeUser, setUserEnabled, unlockUser } from '../../admin/users/users.ts'
import { showUserRecord } from '../../domain/users/user-record.ts'
import type { Repositories } from '../../store/store.ts'
import { commandLine } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { print, warn } from '../kit/output.ts'
import { impossible } from '../kit/problem.ts'
import { withCore, withCoreAsItIs } from '../kit/with-core.ts'
import { addCommand } from './user-add.ts'
import { listCommand } from './user-list.ts'
import { setPasswordCommand } from './user-password.ts'
import { userText } from './user-record.ts'
import { updateCommand } from './user-update.ts'

/** `tessera user ...`: the people and System Users. */
export function userCommands(program: Command): void {
  const user = program
    .command('user')
    .description('people and System Users, by login, e-mail or id')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera user list', 'tessera user add --help']))
  addCommand(user)
  listCommand(user)
  user
    .command('show <user>')
    .description('show the record of a user: what is set of it')
    .option('--all', 'also show what is not set; --json always does')
    .addHelpText('after', helpText(['tessera user show david', 'tessera user show david@example.com --all']))
    .action(show)
  updateCommand(user)
  setPasswordCommand(user)
  user
    .command('enable <user>')
    .description('enable a disabled user again; what was issued before stays ended')
    .addHelpText('after', helpText(['tessera user enable david']))
    .action((name: string, _flags: unknown, command: Command) => setEnabled(name, true, command))
  user
    .command('disable <user>')
    .description('refuse every request of the user, and end everything issued for them')
    .addHelpText('after', helpText(['tessera user disable david']))
    .action((name: string, _flags: unknown, command: Command) => setEnabled(name, false, command))
  user
    .command('unlock <user>')
    .description('let a person who was locked out by failed attempts sign in again at once')
    .addHelpText('after', helpText(['tessera user unlock david', 'tessera user unlock david@example.com --json']))
    .action((name: string, _flags: unknown, command: Command) => unlock(name, command))
  user
    .command('remove <user>')
    .description('remove the user with their sessions, consents and tokens')
    .option('--yes', 'do not ask for confirmation')
    .addHelpText('after', helpText(['tessera user remove david', 'tessera user remove david --yes']))
    .action(remove)
}

const show = (name: string, flags: { readonly all?: boolean }, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const user = await requireUser(store.read, name)
    const account = await store.read.users.findByIdentifier(user.login)
    const record = { ...showUserRecord(user), hasPassword: account?.passwordHash !== undefined }
    print(command, record, userText(record, flags.all))
  })

const setEnabled = (name: string, enabled: boolean, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    const { before, after, apps, leftNone } = await store.writeAlone(async (repositories) => {
      const before = await requireUser(repositories, name)
      const change = () => setUserEnabled(repositories, before.id, enabled, commandLine(clock()))
      const { result: after, leftNone } = await watchAdministrators(repositories, change)
      return { before, after, leftNone, apps: await appsActingAs(repositories, before.id) }
    })
    const state = enabled ? 'enabled' : 'disabled'
    const effect = enabled
      ? 'What was issued for them before stays ended.'
      : 'Everything that was issued for them has ended.'
    const text =
      before.isEnabled === enabled ? `${after.login} is already ${state}.` : `${after.login} is ${state}. ${effect}`
    print(command, showUserRecord(after), text)
    if (!enabled && apps.length > 0)
      warn(command, `these apps can no longer act as their System User: ${apps.join(', ')}`)
    if (leftNone) warn(command, NO_ADMINISTRATOR)
  })

const unlock = (name: string, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    const { user, unlocked } = await store.writeAlone(async (unit) => {
      const user = await requireUser(unit, name)
      return { user, unlocked: await unlockUser(unit, user, commandLine(clock())) }
    })
    const text = unlocked ? 'can sign in again; the failed attempts are cleared' : 'has no failed attempts'
    print(command, { id: user.id, login: user.login, unlocked }, `${user.login} ${text}.`)
  })

const remove = (name: string, flags: { readonly yes?: boolean }, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    const { id, login } = await requireUser(store.read, name)
    await requireNoSystemUser(id, login, store.read)
    await confirm(
      command,
      `This removes ${login} with their sessions, consents and tokens. This cannot be undone.`,
      flags.yes,
    )
    const { leftNone } = await store.writeAlone(async (repositories) => {
      await requireNoSystemUser(id, login, repositories)
      return watchAdministrators(repositories, () => removeUser(repositories, id, commandLine(clock())))
    })
    print(command, { id, login, removed: true }, `${login} is removed.`)
    if (leftNone) warn(command, NO_ADMINISTRATOR)
  })

async function requireNoSystemUser(id: string, login: string, repositories: Pick<Repositories, 'apps'>): Promise<void> {
  const apps = await appsActingAs(repositories, id)
  if (apps.length === 0) return
  throw impossible(
    `${login} is the System User of ${apps.join(', ')}; remove or update ${apps.length === 1 ? 'that app' : 'those apps'} first`,
  )
}
