import { type ApiResource, RESOURCE_DEFAULTS, showResource } from '../../domain/access/api-resource.ts'
import type { ApiScope } from '../../domain/access/api-scope.ts'
import { type ResourceSite, USUAL_SITE_TYPE } from '../../domain/access/resource-site.ts'
import type { GivenAway } from '../../domain/access/self-registered-access.ts'
import { EXPECTED_TEXTS, mergeNames, type NamesByLanguage, readNames } from '../../domain/apps/names-by-language.ts'
import type { Page, PageQuery } from '../../domain/records/paging.ts'
import { nameFrom } from '../../domain/records/readable-name.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { didYouMean } from '../../domain/refusals/nearest.ts'
import type { Repositories } from '../../store/store.ts'
import { conflict, invalidChange, notThere } from '../change/refuse-change.ts'
import type { Actor, RunChange } from '../change/run-change.ts'
import { type Expected, requireExpected, versionOfResource } from '../change/versions.ts'
import { type Given, watchGivenAway } from './given-away.ts'
import { readNewestResources } from './newest-resources.ts'
import { findResource, putResource, removeResource } from './resources.ts'

interface Dependencies {
  readonly read: Pick<Repositories, 'resources'>
  readonly runChange: RunChange<Changed>
  readonly given: GivenAway
}

type Changed = 'apps' | 'resources' | 'settings' | 'auditEvents'

type TextsInput = Readonly<Record<string, string>> | null

type ScopeInput =
  | string
  | {
      readonly Name: string
      readonly Description?: string | null
      readonly LocalizedNames?: TextsInput
      readonly LocalizedDescriptions?: TextsInput
    }

/** An API resource whose members have the right types; `null` restores a default. */
export interface ResourceInput {
  readonly Identifier?: string
  readonly Name?: string | null
  /** Merged with those there are. */
  readonly LocalizedNames?: Readonly<Record<string, string | null>> | null
  readonly Scopes?: readonly ScopeInput[]
  readonly ResourceServers?: readonly string[] | null
  readonly OpenToSelfRegistered?: boolean | null
  readonly SiteType?: string | null
  readonly SiteUrl?: string | null
  readonly SiteProperties?: Readonly<Record<string, string | null>> | null
}

export type ManageResources = ReturnType<typeof createManageResources>

/** API resources as the administration API handles them: each change is checked, stored and audited in one unit of work. */
export function createManageResources({ read, runChange: run, given }: Dependencies) {
  const describe = (resource: ApiResource) => ({ record: showResource(resource), version: versionOfResource(resource) })

  const runChange = <T>(actor: Actor, change: Parameters<typeof run<T>>[1]): Promise<Given<T>> =>
    run(actor, (unit, context) => watchGivenAway(unit, given, () => change(unit, context)))

  return {
    find: async (identifier: string) => describe(await requireNamed(read, identifier)),

    /** The newest first. */
    async page(query: PageQuery): Promise<Page<ReturnType<typeof showResource>>> {
      const { items, next } = await readNewestResources(read, query)
      return { items: items.map(showResource), next }
    },

    add: (body: ResourceInput & { readonly Identifier: string }, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const { Identifier: identifier } = body
        if (await findResource(unit, identifier)) {
          const reason = `${identifier} already exists; change it with PATCH`
          throw conflict([{ attribute: 'Identifier', reason }])
        }
        const wanted = changed({ ...RESOURCE_DEFAULTS, identifier, name: nameFrom(identifier), scopes: [] }, body)
        await putResource(unit, wanted, context)
        return describe(wanted)
      }),

    patch: (identifier: string, body: ResourceInput, expected: Expected, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        const before = await requireNamed(unit, identifier)
        requireExpected(versionOfResource(before), expected)
        if (body.Identifier !== undefined && body.Identifier !== identifier) {
          const reason = 'cannot be changed, as tokens name it; add another API resource and remove this one'
          throw invalidChange([{ attribute: 'Identifier', reason }])
        }
        await putResource(unit, changed(before, body), context)
        return describe(await requireNamed(unit, identifier))
      }),

    remove: (identifier: string, expected: Expected, actor: Actor) =>
      runChange(actor, async (unit, context) => {
        requireExpected(versionOfResource(await requireNamed(unit, identifier)), expected)
        await removeResource(unit, identifier, context)
      }),
  }
}

/** @throws Refused `not_found`, with the identifier that may have been meant */
async function requireNamed({ resources }: Pick<Repositories, 'resources'>, identifier: string): Promise<ApiResource> {
  const all = await resources.list()
  const found = all.find((resource) => resource.identifier === identifier)
  if (found) return found
  const names = all.map((resource) => resource.identifier)
  const similar = didYouMean(identifier, names) || '; tessera resource list shows every API resource'
  throw notThere([{ attribute: 'Identifier', reason: `there is no such API resource${similar}` }])
}

/** The resource as it is after these changes. @throws Refused `invalid_change` */
function changed(before: ApiResource, body: ResourceInput): ApiResource {
  const {
    Name: name,
    LocalizedNames: names,
    Scopes: scopes,
    ResourceServers: servers,
    OpenToSelfRegistered: open,
  } = body
  const site = siteAfter(before.site, body)
  const { site: _, ...others } = before
  return {
    ...others,
    ...(name === undefined ? {} : { name: name ?? nameFrom(before.identifier) }),
    ...(names === undefined ? {} : { localizedNames: namesAfter(before, names) }),
    ...(scopes === undefined ? {} : { scopes: scopes.map(toScope) }),
    ...(servers === undefined ? {} : { resourceServers: servers ?? RESOURCE_DEFAULTS.resourceServers }),
    ...(open === undefined ? {} : { openToSelfRegistered: open ?? RESOURCE_DEFAULTS.openToSelfRegistered }),
    ...(site === undefined ? {} : { site }),
  }
}

const toScope = (scope: ScopeInput): ApiScope =>
  typeof scope === 'string'
    ? { name: scope, description: undefined }
    : {
        name: scope.Name,
        description: scope.Description?.trim() || undefined,
        localizedNames: readTexts(scope.LocalizedNames, 'Scopes', `LocalizedNames of ${scope.Name}: `),
        localizedDescriptions: readTexts(
          scope.LocalizedDescriptions,
          'Scopes',
          `LocalizedDescriptions of ${scope.Name}: `,
        ),
      }

/** Those that are not spoken of stay, and `null` takes one away, or all. @see RFC 7396 §2 */
const namesAfter = ({ localizedNames }: ApiResource, given: ResourceInput['LocalizedNames']): NamesByLanguage =>
  given ? readable(mergeNames(localizedNames, given), 'LocalizedNames') : {}

/** @throws Refused `invalid_change` for what is no language tag */
const readTexts = (given: TextsInput | undefined, attribute: string, where: string): NamesByLanguage =>
  readable(readNames(given ?? {}), attribute, where)

function readable(texts: NamesByLanguage | undefined, attribute: string, where = ''): NamesByLanguage {
  if (texts !== undefined) return texts
  throw invalidChange([{ attribute, reason: `${where}${EXPECTED_TEXTS}` }])
}

/** Without a SiteUrl there is no site, and nothing else to say of it. */
function siteAfter(before: ResourceSite | undefined, body: ResourceInput): ResourceSite | undefined {
  const { SiteUrl: url = before?.url, SiteType: type = before?.type, SiteProperties: properties } = body
  if (url) return { url, type: type ?? USUAL_SITE_TYPE, properties: propertiesAfter(before, properties) }
  const strays: Fault[] = (['SiteType', 'SiteProperties'] as const)
    .filter((attribute) => body[attribute] !== undefined && body[attribute] !== null)
    .map((attribute) => ({ attribute, reason: 'needs a SiteUrl beside it' }))
  if (strays.length > 0) throw invalidChange(strays)
  return undefined
}

/** Those that are not spoken of stay, and `null` takes one away. @see RFC 7396 §2 */
function propertiesAfter(
  before: ResourceSite | undefined,
  given: ResourceInput['SiteProperties'],
): ResourceSite['properties'] {
  if (given === null) return {}
  const merged = Object.entries({ ...before?.properties, ...given })
  return Object.fromEntries(merged.flatMap(([name, value]) => (value === null ? [] : [[name, value]])))
}
