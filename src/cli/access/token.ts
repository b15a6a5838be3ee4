import { type Command, Option } from 'commander'
import {
  issueReferenceToken,
  requireReferenceToken,
  revokeReferenceToken,
  type WantedToken,
} from '../../admin/grants/reference-tokens.ts'
import {
  REFERENCE_TOKEN_KINDS,
  type ReferenceTokenKind,
  showReferenceToken,
} from '../../domain/tokens/reference-token.ts'
import { systemRandom } from '../../lib/crypto/secrets.ts'
import { commandLine } from '../kit/actor.ts'
import { helpText } from '../kit/help.ts'
import { flagsOf, namingFlags } from '../kit/naming-flags.ts'
import { block, note, print } from '../kit/output.ts'
import { wrongUsage } from '../kit/problem.ts'
import { withCore } from '../kit/with-core.ts'
import { listTokens } from './token-list.ts'

const ISSUE_HELP = `The app must accept reference tokens (AccessTokens=AuthenticatedUsers, or AdministratorsOnly: people who are not administrators
cannot create their own). The token is printed to stdout, and only this once; send it to an API as "Authorization: Bearer", X-Api-Key or
Api-Key. It ends at once when it is revoked, when app or user is disabled, or when the record of the app no longer permits it. The
audit log says who created it, and for whom.`

interface IssueFlags {
  readonly user?: string
  readonly app: string
  readonly scope?: string
  readonly expires?: string
  readonly description?: string
}

/** `tessera token ...`: reference tokens, of people (PAT) and of System Users (SAT). */
export function tokenCommands(program: Command): void {
  const token = program
    .command('token')
    .description('reference tokens: personal (PAT) and system access tokens (SAT)')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera token list', 'tessera token issue-pat --help']))
  withWishes(token.command('issue-pat').description('create a personal access token, which acts as a user'))
    .option('--for <user>', 'the user it is for, and acts as: login, e-mail or id')
    .option('--user <user>', 'the same')
    .addHelpText(
      'after',
      helpText(
        [
          'tessera token issue-pat --for david --app my.trusted.app/web --scope read --expires 30d',
          'tessera token issue-pat --for david --app my.trusted.app/web --description "nightly report" --json',
        ],
        ISSUE_HELP,
      ),
    )
    .action((flags: IssueFlags & { readonly for?: string }, command: Command) => {
      const { for: holder, user = holder, ...wishes } = flags
      if (user === undefined || (holder !== undefined && holder !== user))
        throw wrongUsage('say with --for whom the token is for')
      return issue('PAT', { ...wishes, user }, command)
    })
  withWishes(
    token.command('issue-sat').description('create a system access token, which acts as the System User of the app'),
  )
    .addHelpText(
      'after',
      helpText(['tessera token issue-sat --app my.trusted.app/sync --scope read --expires 30d --json'], ISSUE_HELP),
    )
    .action((flags: IssueFlags, command: Command) => issue('SAT', flags, command))
  token
    .command('list')
    .description('list reference tokens and their state, newest first')
    .option('--app <application-uri>', 'only those of this app')
    .option('--user <user>', 'only those that act as this user: login, e-mail or id')
    .addOption(new Option('--kind <kind>', 'only those of this kind').choices(REFERENCE_TOKEN_KINDS))
    .addHelpText('after', helpText(['tessera token list', 'tessera token list --user david --kind PAT --json']))
    .action(listTokens)
  token
    .command('revoke <id>')
    .description(
      'revoke a reference token, by its id ("tessera token list" shows it) or an unambiguous beginning of it',
    )
    .addHelpText('after', helpText(['tessera token revoke 019e2f3a4b5c', 'tessera token revoke 019e2f3a4b5c --json']))
    .action(revoke)
}

const withWishes = (command: Command): Command =>
  command
    .requiredOption('--app <application-uri>', 'the app it belongs to')
    .option('--scope <scopes>', 'API scopes, separated by spaces (default: all scopes of the app)')
    .option('--expires <time>', 'when it expires: a length of time such as 30d, or a date (default: 90d)')
    .option('--description <text>', 'a label for your own reference')

async function issue(kind: ReferenceTokenKind, flags: IssueFlags, command: Command): Promise<void> {
  const wanted: WantedToken = { ...flags, kind }
  await withCore(command, async ({ store, clock }) => {
    const context = commandLine(clock())
    const { token, value, app, user } = await store
      .writeAlone((unit) => issueReferenceToken(unit, wanted, systemRandom, context))
      .catch(namingFlags(flagsOf(FLAG_OF)))
    const { id, expires_at, ...shown } = showReferenceToken(token, app, user, context.now)
    const lines = block([
      ['token', value],
      ['id', id],
      ['expires_at', expires_at],
      ['scope', shown.scope],
    ])
    const text = `New ${kind} of ${user.login} for ${app.applicationUri}:\n\n${lines}\n`
    print(command, { id, token: value, expires_at, ...shown }, text)
    note(command, 'The token is shown only this once: store it where secrets are kept.')
  })
}

const FLAG_OF: Readonly<Record<string, string>> = {
  scope: '--scope',
  expires_at: '--expires',
  description: '--description',
}

const revoke = (id: string, _flags: unknown, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }) => {
    const { token, first } = await store.writeAlone(async (unit) => {
      const token = await requireReferenceToken(unit, id)
      return { token, first: await revokeReferenceToken(unit, token, commandLine(clock())) }
    })
    const what = `The ${token.kind} ${token.id} for ${token.applicationUri}`
    const text = first ? `${what} is revoked.` : `${what} had already been revoked.`
    print(command, { id: token.id, kind: token.kind, app: token.applicationUri, revoked: true }, text)
  })
