import type { Command } from 'commander'
import { requireApp } from '../../admin/apps/apps.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { readPage } from '../../domain/records/paging.ts'
import { everyPage } from '../kit/every-page.ts'
import { helpText } from '../kit/help.ts'
import { block, print, table } from '../kit/output.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'
import { type LoginOf, loginsFor, recordOf } from './app-record.ts'

/** `tessera app list` and `tessera app show`. */
export function showCommands(app: Command): void {
  app
    .command('list')
    .description('list all apps')
    .addHelpText('after', helpText(['tessera app list', 'tessera app list --json']))
    .action((_flags: unknown, command: Command) => list(command))
  app
    .command('show <application-uri>')
    .description('show the record of an app, without secrets')
    .addHelpText(
      'after',
      helpText(['tessera app show my.trusted.app/web', 'tessera app show my.trusted.app/web --json']),
    )
    .action((applicationUri: string, _flags: unknown, command: Command) => show(applicationUri, command))
}

const list = (command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const apps = await everyPage((query) => readPage(query, store.read.apps.page, (app) => app.applicationUri))
    const loginOf = await loginsFor(apps, store.read)
    const records = apps.map((app) => recordOf(app, loginOf))
    const rows = apps.map((app) => rowOf(app, loginOf))
    const heading = ['Application URI', 'Name', 'Type', 'Signs in', 'Acts as', 'Scope', 'State']
    print(command, records, table(heading, rows, 'No app is registered yet; see: tessera app register --help'))
  })

const rowOf = (app: TrustedApplication, loginOf: LoginOf): string[] => [
  app.applicationUri,
  app.name,
  app.clientType,
  [
    ...(app.impersonateAsInternalUserAllowed ? ['internal'] : []),
    ...(app.impersonateAsCommunityUserAllowed ? ['community'] : []),
  ].join(', ') || '-',
  (app.systemUserAllowed && app.systemUser !== undefined && loginOf(app.systemUser)) || '-',
  app.scope.join(' ') || '-',
  app.isEnabled ? 'enabled' : 'disabled',
]

const show = (applicationUri: string, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const app = await requireApp(store.read, applicationUri)
    const record = recordOf(app, await loginsFor([app], store.read))
    print(command, record, textOf(record))
  })

function textOf({ Secrets, ...attributes }: ReturnType<typeof recordOf>): string {
  const secrets = Secrets.map(({ Id, Label, CreatedAt, ExpiresAt, LastUsedAt }) =>
    [
      `${Id}${Label === null ? '' : ` (${Label})`}: created ${CreatedAt}`,
      ExpiresAt === null ? 'does not end' : `ends ${ExpiresAt}`,
      LastUsedAt === null ? 'never used' : `last used ${LastUsedAt}`,
    ].join(', '),
  )
  const lists = ['ImpersonateLoginUrl', 'ImpersonateLogoutUrl']
  const entries = Object.entries(attributes).map(([name, value]): [string, string | string[]] => {
    const text = value === null ? '' : String(value)
    return [name, lists.includes(name) ? text.split(',') : text]
  })
  return block([...entries, ['Secrets', secrets]])
}
