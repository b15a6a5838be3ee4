import type { Command } from 'commander'
import { type ConsentsWanted, showConsents, withdrawConsent } from '../../admin/grants/consents.ts'
import { requireUser } from '../../admin/users/find-user.ts'
import { counted } from '../../lib/text/counted.ts'
import { commandLine } from '../kit/actor.ts'
import { everyPage } from '../kit/every-page.ts'
import { helpText } from '../kit/help.ts'
import { print, table } from '../kit/output.ts'
import { withCore, withCoreAsItIs } from '../kit/with-core.ts'

const WITHDRAW_HELP = `Ends at once every token with which the app acts as the user: codes, access and refresh tokens, personal access tokens. At the next
sign-in to the app the user is asked for consent again; to prevent that, use tessera app disable.`

/** `tessera consent ...`: what people have allowed apps. */
export function consentCommands(program: Command): void {
  const consent = program
    .command('consent')
    .description('consents: what people have allowed apps to do')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera consent list', 'tessera consent list --user david']))
  consent
    .command('list')
    .description('list consents, newest first')
    .option('--user <user>', 'only consents of this user: login, e-mail or id')
    .option('--app <application-uri>', 'only consents to this app')
    .addHelpText('after', helpText(['tessera consent list', 'tessera consent list --user david --json']))
    .action(list)
  consent
    .command('withdraw')
    .description('withdraw the consent of a user to an app')
    .requiredOption('--user <user>', 'login, e-mail or id')
    .requiredOption('--app <application-uri>', 'the app')
    .addHelpText('after', helpText(['tessera consent withdraw --user david --app my.trusted.app/web'], WITHDRAW_HELP))
    .action(withdraw)
}

const list = (flags: ConsentsWanted, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store: { read } }) => {
    const records = await everyPage((query) => showConsents(read, flags, query))
    const rows = records.map(({ app, user, scope, granted_at }) => [app, user, scope, granted_at])
    const nothing = 'There are no consents on record.'
    print(command, records, table(['App', 'User', 'Allowed', 'Since'], rows, nothing))
  })

const withdraw = (flags: { readonly user: string; readonly app: string }, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    const withdrawn = await store.writeAlone(async (unit) => {
      const user = await requireUser(unit, flags.user)
      return {
        login: user.login,
        ...(await withdrawConsent(unit, { user: user.id, app: flags.app }, commandLine(clock()))),
      }
    })
    const { login, scope, tokenFamilies, referenceTokens } = withdrawn
    const record = { app: flags.app, user: login, scope: scope.join(' '), tokenFamilies, referenceTokens }
    const ended = `Ended: the tokens of ${counted(tokenFamilies, 'sign-in')}, ${counted(referenceTokens, 'reference token')}, and all signed tokens.`
    print(command, record, `${login} no longer allows ${flags.app}: ${record.scope}\n${ended}`)
  })
