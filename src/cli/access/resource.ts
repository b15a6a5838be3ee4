import type { Command } from 'commander'
import { watchGivenAway } from '../../admin/apps/given-away.ts'
import { readNewestResources } from '../../admin/apps/newest-resources.ts'
import { putResource, removeResource, requireResource } from '../../admin/apps/resources.ts'
import { givenAway } from '../../compose/scopes-to-give.ts'
import { type ApiResource, scopesOf, showResource } from '../../domain/access/api-resource.ts'
import { nameFrom } from '../../domain/records/readable-name.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import { shellWord } from '../../lib/text/shell.ts'
import type { Repositories } from '../../store/store.ts'
import { commandLine, commandLineHere } from '../kit/actor.ts'
import { everyPage } from '../kit/every-page.ts'
import { helpText } from '../kit/help.ts'
import { confirm } from '../kit/input.ts'
import { block, print, printWarned, table } from '../kit/output.ts'
import { impossible, wrongUsage } from '../kit/problem.ts'
import { repeated } from '../kit/repeated-flag.ts'
import { withCore, withCoreAsItIs } from '../kit/with-core.ts'
import { type SiteFlags, siteAfter, siteLines } from './resource-site-flags.ts'
import {
  namesAfter,
  scopeLines,
  scopesAfter,
  TEXT_HELP,
  type TextFlags,
  textLines,
  withTextFlags,
} from './resource-text-flags.ts'

const SCOPE_FLAG = '--scope <name=description>'
const SERVER_FLAG = '--resource-server <application-uri>'
const OPEN_FLAG = '--open-to-self-registered'
const URL_FLAG = '--site-url <url>'
const TYPE_FLAG = '--site-type <type>'
const PROPERTY_FLAG = '--site-property <name=value>'
const PUT_HELP = `An app may ask for the resource once its record lists it: tessera app update APP --set "ApiResources=IDENTIFIER".`

/** `tessera resource ...`: the APIs that access tokens are for. */
export function resourceCommands(program: Command): void {
  const resource = program
    .command('resource')
    .description('API resources: the audiences of access tokens, with their scopes')
    .helpCommand(false)
    .addHelpText('after', helpText(['tessera resource list', 'tessera resource add --help']))
  withTextFlags(
    resource
      .command('add <identifier>')
      .description('add an API resource; its identifier becomes the aud of its tokens'),
  )
    .requiredOption(SCOPE_FLAG, 'a scope and its description for the consent page; may be repeated', repeated)
    .option('--name <name>', 'name that people see (default: the identifier)')
    .option(SERVER_FLAG, 'a Confidential app with which the API introspects tokens; may be repeated', repeated)
    .option(OPEN_FLAG, 'let apps that register themselves have its scopes in TESSERA_REGISTRATION_SCOPES')
    .option(URL_FLAG, 'where the API is, as auto-discovery tells everybody')
    .option(TYPE_FLAG, 'what kind of site that is (default: API)')
    .option(PROPERTY_FLAG, 'what else programs have to know of it; may be repeated', repeated)
    .addHelpText(
      'after',
      helpText(
        [
          'tessera resource add https://reports.example.com --name Reports --scope "reports.read=See every report"',
          'tessera resource add https://reports.example.com --scope reports.read --scope reports.write --json',
        ],
        `${PUT_HELP}\n\n${TEXT_HELP}`,
      ),
    )
    .action(add)
  resource
    .command('list')
    .description('list all API resources, newest first')
    .addHelpText('after', helpText(['tessera resource list', 'tessera resource list --json']))
    .action((_flags: unknown, command: Command) => list(command))
  resource
    .command('show <identifier>')
    .description('show an API resource: its scopes, the apps that serve it and the apps that may ask for it')
    .option('--all', 'also show what is not set; --json always does')
    .addHelpText('after', helpText(['tessera resource show DomainAPI', 'tessera resource show DomainAPI --all']))
    .action(show)
  updateCommand(resource)
  resource
    .command('remove <identifier>')
    .description('remove an API resource that no app lists')
    .option('--yes', 'do not ask for confirmation')
    .addHelpText('after', helpText(['tessera resource remove https://reports.example.com --yes']))
    .action(remove)
}

function updateCommand(resource: Command): void {
  withTextFlags(
    resource
      .command('update <identifier>')
      .description(
        'change the name, scopes or serving apps of an API resource; a scope that apps list cannot be removed',
      ),
  )
    .option('--name <name>', 'name that people see')
    .option(SCOPE_FLAG, 'add a scope, or change its description; may be repeated', repeated)
    .option('--remove-scope <name>', 'remove a scope that no app lists; may be repeated', repeated)
    .option(SERVER_FLAG, 'let a Confidential app introspect tokens for the API; may be repeated', repeated)
    .option(URL_FLAG, 'where the API is, as auto-discovery tells everybody')
    .option(TYPE_FLAG, 'what kind of site that is')
    .option(PROPERTY_FLAG, 'add what else programs have to know of it, or change it; may be repeated', repeated)
    .option('--remove-site-property <name>', 'remove such a property; may be repeated', repeated)
    .option('--remove-site', 'auto-discovery no longer tells where it is')
    .option(
      '--remove-resource-server <application-uri>',
      'no longer let this app introspect them; may be repeated',
      repeated,
    )
    .option(OPEN_FLAG, 'let apps that register themselves have its scopes in TESSERA_REGISTRATION_SCOPES')
    .option('--no-open-to-self-registered', 'give them no more of its scopes')
    .addHelpText(
      'after',
      helpText(
        [
          'tessera resource update DomainAPI --scope "read#en=See orders and customers" --scope "read#de=Aufträge und Kunden sehen"',
          'tessera resource update https://reports.example.com --scope reports.share --remove-scope reports.write',
          'tessera resource update DomainAPI --resource-server my.trusted.app/sync',
          'tessera resource update DomainAPI --site-url https://erp.example.com/api --site-property ODataServiceRoot=https://erp.example.com/api/odata',
        ],
        TEXT_HELP,
      ),
    )
    .action(update)
}

interface PutFlags extends SiteFlags, TextFlags {
  readonly name?: string
  readonly resourceServer?: readonly string[]
  readonly removeResourceServer?: readonly string[]
  readonly openToSelfRegistered?: boolean
}

const add = (identifier: string, flags: PutFlags, command: Command): Promise<void> =>
  withCore(command, async (core, config) => {
    const { store } = core
    const resourceServers = flags.resourceServer ?? []
    const { openToSelfRegistered = false } = flags
    const site = siteAfter(undefined, flags)
    const scopes = scopesAfter([], flags)
    const name = flags.name ?? nameFrom(identifier)
    const localizedNames = namesAfter({}, flags)
    const wanted = { identifier, name, localizedNames, scopes, resourceServers, openToSelfRegistered, site }
    const { warnings } = await store.writeAlone(async (unit) => {
      if ((await unit.resources.list()).some((known) => known.identifier === identifier))
        throw impossible(
          `${identifier} already exists; change it with: tessera resource update ${shellWord(identifier)}`,
        )
      const context = commandLineHere(core, config)
      return watchGivenAway(unit, givenAway(config), () => putResource(unit, wanted, context))
    })
    printWarned(command, showResource(wanted), `Added ${identifier}.\n\n${textOf(wanted)}\n`, warnings)
  })

const list = (command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }, { tokens }) => {
    const resources = await everyPage((query) => readNewestResources(store.read, query))
    const rows = resources.map((resource) => [
      resource.identifier,
      resource.name,
      scopesOf([resource]).join(' '),
      openTo(resource, tokens.audience),
      resource.resourceServers.join(', ') || '-',
    ])
    const heading = ['Identifier', 'Name', 'Scopes', 'Open to', 'Served by']
    print(command, resources.map(showResource), table(heading, rows, 'There are no API resources.'))
  })

const show = (identifier: string, flags: { readonly all?: boolean }, command: Command): Promise<void> =>
  withCoreAsItIs(command, async ({ store }) => {
    const resource = await find(store.read, identifier)
    const apps = (await store.read.apps.naming(identifier))
      .filter(({ apiResources }) => apiResources.includes(identifier))
      .map(({ applicationUri }) => applicationUri)
    const entries: readonly Entry[] = [...entriesOf(resource), ['Apps', apps]]
    const shown = entries.filter(([, value]) => flags.all || value.length > 0)
    print(command, { ...showResource(resource), Apps: apps }, block(shown))
  })

const update = (identifier: string, flags: PutFlags, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }, config) => {
    const { wanted, warnings } = await store.writeAlone(async (unit) => {
      const before = await find(unit, identifier)
      const resourceServers = serversAfter(before, flags)
      const site = siteAfter(before.site, flags)
      const scopes = scopesAfter(before.scopes, flags)
      const localizedNames = namesAfter(before.localizedNames, flags)
      const openToSelfRegistered = flags.openToSelfRegistered ?? before.openToSelfRegistered
      const name = flags.name ?? before.name
      const wanted = { ...before, name, localizedNames, scopes, resourceServers, openToSelfRegistered, site }
      const put = () => putResource(unit, wanted, commandLine(clock()))
      return { wanted, ...(await watchGivenAway(unit, givenAway(config), put)) }
    })
    printWarned(command, showResource(wanted), textOf(wanted), warnings)
  })

const remove = (identifier: string, flags: { readonly yes?: boolean }, command: Command): Promise<void> =>
  withCore(command, async ({ store, clock }, config) => {
    await find(store.read, identifier)
    await confirm(
      command,
      `This removes the API resource ${identifier}: no more tokens will be issued for it.`,
      flags.yes,
    )
    const { warnings } = await store.writeAlone((unit) =>
      watchGivenAway(unit, givenAway(config), () => removeResource(unit, identifier, commandLine(clock()))),
    )
    printWarned(command, { Identifier: identifier, removed: true }, `${identifier} is removed.`, warnings)
  })

/** Finds a resource, or says which one may have been meant. */
async function find(unit: Pick<Repositories, 'resources'>, identifier: string): Promise<ApiResource> {
  const known = (await unit.resources.list()).map((resource) => resource.identifier)
  if (known.includes(identifier)) return requireResource(unit, identifier)
  const similar = didYouMean(identifier, known) || `; existing ones: ${known.join(', ')}`
  throw impossible(`there is no API resource ${JSON.stringify(identifier)}${similar}`)
}

function serversAfter({ resourceServers }: ApiResource, flags: PutFlags): string[] {
  const { resourceServer: added = [], removeResourceServer: removed = [] } = flags
  const stranger = removed.find((uri) => !resourceServers.includes(uri))
  if (stranger !== undefined)
    throw wrongUsage(
      `--remove-resource-server: ${stranger} does not serve it; the apps that do: ${resourceServers.join(', ') || 'none'}`,
    )
  return [...new Set([...resourceServers, ...added])].filter((uri) => !removed.includes(uri))
}

function openTo({ identifier, openToSelfRegistered }: ApiResource, ofInstance: string): string {
  if (identifier === ofInstance) return 'every app'
  return openToSelfRegistered ? 'apps that list it or register themselves' : 'apps that list it'
}

type Entry = readonly [name: string, value: string | readonly string[]]

const textOf = (resource: ApiResource): string => block(entriesOf(resource))

const entriesOf = (resource: ApiResource): Entry[] => [
  ['Identifier', resource.identifier],
  ['Name', resource.name],
  ['LocalizedNames', textLines(resource.localizedNames)],
  ['Scopes', resource.scopes.flatMap(scopeLines)],
  ['ResourceServers', resource.resourceServers],
  ['OpenToSelfRegistered', resource.openToSelfRegistered ? ['true'] : []],
  ...(resource.site === undefined ? [] : siteLines(resource.site)),
]
