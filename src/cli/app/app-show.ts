import type { Command } from 'commander'
import { requireApp } from '../../admin/apps/apps.ts'
import { readNewestApps } from '../../admin/apps/newest-apps.ts'
import { type AppAttribute, RECORD_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import { APP_DEFAULTS, type AppRegistration, type TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { everyPage } from '../kit/every-page.ts'
import { globalsOf } from '../kit/globals.ts'
import { helpText } from '../kit/help.ts'
import { block, note, print, table } from '../kit/output.ts'
import { withCoreAsItIs } from '../kit/with-core.ts'
import { type LoginOf, loginsFor, recordOf } from './app-record.ts'

/** `tessera app list` and `tessera app show`. */
export function showCommands(app: Command): void {
  app
    .command('list')
    .description('list all apps, the newest first')
    .addHelpText('after', helpText(['tessera app list', 'tessera app list --json']))
    .action((_flags: unknown, command: Command) => list(command))
  app
    .command('show <application-uri>')
    .description('show what is set in the record of an app, without secrets')
    .option('--all', 'show the attributes with their default values as well; --json always has all')
    .addHelpText(
      'after',
      helpText(['tessera app show my.trusted.app/web', 'tessera app show my.trusted.app/web --all']),
    )
    .action(show)
}

const list = (command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const apps = await everyPage((query) => readNewestApps(store.read, query))
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

const show = (applicationUri: string, { all = false }: { readonly all?: boolean }, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const app = await requireApp(store.read, applicationUri)
    const record = recordOf(app, await loginsFor([app], store.read))
    const unset = all ? [] : RECORD_ATTRIBUTES.filter((attribute) => isDefault(attribute, app))
    print(command, record, textOf(app, record, new Set(unset.map(({ name }) => name))))
    if (unset.length > 0 && !globalsOf(command).json)
      note(command, `${unset.length} more attributes have their default values; --all shows them.`)
  })

const DEFAULT_APP: AppRegistration = { ...APP_DEFAULTS, applicationUri: '', name: '', clientType: 'None' }

const isDefault = ({ key, show: shown }: AppAttribute, app: AppRegistration): boolean =>
  key in APP_DEFAULTS && shown(app) === shown(DEFAULT_APP)

function textOf(
  app: TrustedApplication,
  { Secrets, ...attributes }: ReturnType<typeof recordOf>,
  unset: ReadonlySet<string>,
): string {
  const secrets = Secrets.map(({ Id, Label, CreatedAt, ExpiresAt, LastUsedAt }) =>
    [
      `${Id}${Label === null ? '' : ` (${Label})`}: created ${CreatedAt}`,
      ExpiresAt === null ? 'does not end' : `ends ${ExpiresAt}`,
      LastUsedAt === null ? 'never used' : `last used ${LastUsedAt}`,
    ].join(', '),
  )
  const lists: Readonly<Record<string, readonly string[]>> = {
    ImpersonateLoginUrl: app.impersonateLoginUrl,
    ImpersonateLogoutUrl: app.impersonateLogoutUrl,
    RequestUris: app.requestUris,
  }
  const entries = Object.entries(attributes)
    .filter(([name]) => !unset.has(name))
    .map(([name, value]): [string, string | readonly string[]] => [name, lists[name] ?? String(value ?? '')])
  return block([...entries, ['Secrets', secrets]])
}
