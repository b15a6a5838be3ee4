import type { Command } from 'commander'
import {
  type EndedSessions,
  endApiSession,
  endSessionsOfUser,
  type SessionsWanted,
  showApiSessions,
} from '../../admin/grants/api-sessions.ts'
import { requireUser } from '../../admin/users/find-user.ts'
import { counted } from '../../lib/text/counted.ts'
import { commandLine } from '../kit/actor.ts'
import { everyPage } from '../kit/every-page.ts'
import { helpText } from '../kit/help.ts'
import { print, table } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { withCore, withCoreAsItIs } from '../kit/with-core.ts'

const END_HELP = `Ending a session frees its licence slot at once, but the next call with a valid token opens another session. --with-tokens also ends
those tokens: those of the apps of that sign-in for the user, that PAT or SAT, or those that a service was issued; with --user those of
every app that acts as the user. The user can still sign in and get new ones; to prevent that, use tessera user disable.`

/** `tessera session ...`: who calls APIs at the moment. */
export function sessionCommands(program: Command): void {
  const session = program
    .command('session')
    .description('API sessions: who is calling APIs; each session occupies a licence slot')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera session list', 'tessera session end --user david']))
  session
    .command('list')
    .description('list the open API sessions, newest first')
    .option('--user <user>', 'only those of this user: login, e-mail or id')
    .option('--app <application-uri>', 'only those of this app')
    .addHelpText('after', helpText(['tessera session list', 'tessera session list --user david --json']))
    .action(list)
  session
    .command('end [id]')
    .description('end one API session, or all sessions of a user')
    .option('--user <user>', 'end every session of this user: login, e-mail or id')
    .option('--with-tokens', 'also end the tokens that could open another one')
    .addHelpText(
      'after',
      helpText(
        [
          'tessera session end 6f1c2d34-5b6a-4c7d-8e9f-0a1b2c3d4e5f',
          'tessera session end --user david --with-tokens --json',
        ],
        END_HELP,
      ),
    )
    .action(end)
}

const list = (flags: SessionsWanted, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store: { read }, clock }) => {
    const now = clock()
    const records = await everyPage((query) => showApiSessions(read, flags, now, query))
    const heading = ['Id', 'Kind', 'User', 'Apps', 'Opened', 'Last used', 'Ends at']
    const rows = records.map(({ id, kind, user, apps, openedAt, lastUsedAt, endsAt }) => [
      ...[id, kind, user, apps.join(' '), openedAt, lastUsedAt, endsAt],
    ])
    print(command, records, table(heading, rows, 'Nobody has an API session.'))
  })

interface EndFlags {
  readonly user?: string
  readonly withTokens?: boolean
}

async function end(id: string | undefined, flags: EndFlags, command: Command): Promise<void> {
  const { user, withTokens = false } = flags
  if ((id === undefined) === (user === undefined)) throw wrongUsage('give the id of a session, or --user')
  await withCore(command, async ({ store, clock }) => {
    const ended = await store.writeAlone(async (unit) => {
      const context = commandLine(clock())
      return id === undefined
        ? endSessionsOfUser(unit, await requireUser(unit, user ?? ''), withTokens, context)
        : endApiSession(unit, id, withTokens, context)
    })
    const { sessions, tokenFamilies, referenceTokens, apps } = ended
    const record = { sessions: sessions.map((session) => session.id), tokenFamilies, referenceTokens, apps }
    print(command, record, textOf(ended, withTokens))
  })
}

function textOf({ sessions, tokenFamilies, referenceTokens, apps }: EndedSessions, withTokens: boolean): string {
  const ended = sessions.length === 0 ? 'No API session was open.' : `Ended API sessions: ${sessions.length}.`
  if (!withTokens) return ended
  const whose = apps.length === 0 ? 'no app has any' : apps.join(', ')
  return `${ended}\nEnded: the tokens of ${counted(tokenFamilies, 'sign-in')}, ${counted(referenceTokens, 'reference token')}, and all signed tokens (${whose}).`
}
