import type { Command } from 'commander'
import { endSignIn, endSignInsOf, type ShownSignIn, showOneSignIn, showSignIns } from '../../admin/grants/sign-ins.ts'
import { requireUser } from '../../admin/users/find-user.ts'
import { commandLine } from '../kit/actor.ts'
import { everyPage } from '../kit/every-page.ts'
import { helpText } from '../kit/help.ts'
import { columns, print, table } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { withCore, withCoreAsItIs } from '../kit/with-core.ts'

const SID = '0b6ed0a5-7e0e-4f0e-8d57-0f0d2f2f6a55'

const END_HELP = `Ends what the person's own sign-out would end: access tokens and codes of that browser and its API session. Apps with a back-channel
learn of it within five seconds; nobody loads the front-channel pages of others. Refresh tokens go on, unless the app has
RefreshEndsWithSession, and the person can sign in again. To end all tokens as well: tessera session end --user USER --with-tokens;
to keep the person out: tessera user disable.`

/** `tessera sign-in ...`: in which browsers people are signed in. */
export function signInCommands(program: Command): void {
  const signIn = program
    .command('sign-in')
    .description('sign-in sessions: in which browsers people are signed in')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera sign-in list --user david', 'tessera sign-in end --user david']))
  signIn
    .command('list')
    .description('list where a person is signed in, newest first')
    .requiredOption('--user <user>', 'login, e-mail or id')
    .addHelpText('after', helpText(['tessera sign-in list --user david', 'tessera sign-in list --user david --json']))
    .action(list)
  signIn
    .command('show <sid>')
    .description('show a sign-in session, which tokens and the audit log name by its sid')
    .addHelpText('after', helpText([`tessera sign-in show ${SID}`]))
    .action(show)
  signIn
    .command('end [sid]')
    .description('sign a person out of one browser, or of all')
    .option('--user <user>', 'end every sign-in session of this user: login, e-mail or id')
    .addHelpText('after', helpText([`tessera sign-in end ${SID}`, 'tessera sign-in end --user david --json'], END_HELP))
    .action(end)
}

const HEADING = ['Sid', 'Signed in', 'By', 'Last used', 'Ends at', 'Apps']

const list = ({ user }: { readonly user: string }, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store: { read }, clock }, { sessions: limits }) => {
    const asOf = { limits, now: clock() }
    const records = await everyPage((query) => showSignIns(read, user, asOf, query))
    const rows = records.map(({ sid, authenticatedAt, amr, lastUsedAt, endsAt, apps }) => [
      ...[sid, authenticatedAt, amr.join(' '), lastUsedAt, endsAt, apps.join(' ')],
    ])
    print(command, records, table(HEADING, rows, `${user} is signed in nowhere.`))
  })

const show = (sid: string, _: unknown, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store: { read }, clock }, { sessions: limits }) => {
    const record = await showOneSignIn(read, sid, { limits, now: clock() })
    print(command, record, columns(rowsOf(record)))
  })

const rowsOf = (record: ShownSignIn): string[][] => [
  ['Sid', record.sid],
  ['User', record.user],
  ['State', record.state],
  ['Signed in', `${record.authenticatedAt} by ${record.amr.join(' ')}`],
  ['Last used', record.lastUsedAt],
  ['Ends at', record.endsAt],
  ['Apps', record.apps.join(' ') || '-'],
]

async function end(sid: string | undefined, { user }: { readonly user?: string }, command: Command): Promise<void> {
  if ((sid === undefined) === (user === undefined)) throw wrongUsage('give the sid of a sign-in session, or --user')
  await withCore(command, async ({ store, clock }) => {
    const ended = await store.writeAlone(async (unit) => {
      const context = commandLine(clock())
      return sid === undefined
        ? endSignInsOf(unit, await requireUser(unit, user ?? ''), context)
        : endSignIn(unit, sid, context)
    })
    const { signIns, apps } = ended
    const used = apps.length === 0 ? '' : `\nUsed at: ${apps.join(', ')}`
    const text =
      signIns.length === 0 ? 'No sign-in session was open.' : `Ended sign-in sessions: ${signIns.length}.${used}`
    print(command, ended, text)
  })
}
