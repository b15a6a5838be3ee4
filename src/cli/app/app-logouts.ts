import type { Command } from 'commander'
import { type ShownLogout, showLogouts } from '../../admin/apps/logouts.ts'
import { helpText } from '../kit/help.ts'
import { print, table } from '../kit/output.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'

const MOST = 1000

const HELP = `The server tells an app with a BackchannelLogoutUri about the end of every sign-in session in which the app was used: by sign-out, a
new password, or disabling the user. If the app does not answer, the server retries for more than a day. The list shows the newest
${MOST} of the last week.`

const HEADING = ['Ended', 'User', 'Session', 'State', 'Attempts', 'Next attempt', 'Last error']

/** `tessera app logouts`: what an app was told of sign-outs. */
export function logoutsCommand(app: Command): void {
  app
    .command('logouts <application-uri>')
    .description('list the sign-outs that the app was, or is still to be, told about')
    .addHelpText(
      'after',
      helpText(['tessera app logouts my.trusted.app/web', 'tessera app logouts my.trusted.app/web --json'], HELP),
    )
    .action((applicationUri: string, _flags: unknown, command: Command) => list(applicationUri, command))
}

const list = (applicationUri: string, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const { items } = await showLogouts(store.read, applicationUri, { limit: MOST })
    print(
      command,
      items,
      table(HEADING, items.map(rowOf), 'There was no sign-out to tell the app about in the last week.'),
    )
  })

const rowOf = ({ endedAt, user, session, state, attempts, nextAttemptAt, lastError }: ShownLogout): string[] => [
  endedAt,
  user ?? '-',
  session ?? '-',
  state,
  String(attempts),
  nextAttemptAt ?? '-',
  lastError ?? '-',
]
