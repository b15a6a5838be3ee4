import { type ApiResource, DEFAULT_RESOURCE, resourceFaults, showResource } from '../../domain/access/api-resource.ts'
import { isSameIdentifier } from '../../domain/access/resource-identifier.ts'
import { fieldChanges } from '../../domain/records/field-changes.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { conflict, invalidChange, notThere } from '../change/refuse-change.ts'
import { whyScopesStay } from './lost-scopes.ts'

type Unit = Pick<Repositories, 'apps' | 'resources' | 'settings' | 'auditEvents'>

/** The API resource with this identifier. */
export const findResource = async (
  { resources }: Pick<Unit, 'resources'>,
  identifier: string,
): Promise<ApiResource | undefined> => (await resources.list()).find((resource) => resource.identifier === identifier)

/** @throws Refused `not_found` */
export async function requireResource(unit: Pick<Unit, 'resources'>, identifier: string): Promise<ApiResource> {
  const resource = await findResource(unit, identifier)
  if (resource) return resource
  const reason = `there is no API resource ${identifier}`
  throw notThere([{ attribute: 'Identifier', reason }])
}

/** Adds an API resource, or stores a changed one. @throws Refused, also while apps list a scope that goes */
export async function putResource(unit: Unit, wanted: ApiResource, context: ChangeContext): Promise<void> {
  const everyApi = await unit.resources.list()
  const before = everyApi.find(({ identifier }) => identifier === wanted.identifier)
  const after = everyApi.map((resource) => (resource === before ? wanted : resource))
  const faults = before ? await whyScopesStay(unit, before, after) : []
  if (faults.length > 0 && resourceFaults(wanted).length === 0) throw conflict(faults)
  await storeResource(unit, wanted, context)
}

/** The same as part of a larger change, which checks at its end whether apps lost a scope. @throws Refused */
export async function storeResource(unit: Unit, wanted: ApiResource, context: ChangeContext): Promise<void> {
  const before = await findResource(unit, wanted.identifier)
  const taken = before ? [] : await whyTaken(unit, wanted, context)
  const faults = [...resourceFaults(wanted), ...taken, ...(await whyNotServers(unit, wanted))]
  if (faults.length > 0) throw invalidChange(faults)
  const fields = fieldChanges(before ? showResource(before) : {}, showResource(wanted))
  if (Object.keys(fields).length === 0) return
  await (before ? unit.resources.update(wanted, context.now) : unit.resources.add(wanted, context.now))
  const detail = { resource: wanted.identifier, fields }
  await recordChange(unit, { event: before ? 'resource_updated' : 'resource_added', detail }, context)
}

/** A token that is good for UserInfo alone names the issuer as its audience, and an ID token the app it is for. */
async function whyTaken(
  { apps, resources }: Pick<Unit, 'apps' | 'resources'>,
  { identifier }: ApiResource,
  { here }: ChangeContext,
): Promise<Fault[]> {
  const fault = (reason: string): Fault[] => [{ attribute: 'Identifier', reason }]
  const same = (await resources.list()).find((known) => isSameIdentifier(known.identifier, identifier))
  if (here && isSameIdentifier(identifier, here.issuer))
    return fault('must not be the issuer, for which tokens are that open UserInfo alone')
  if (same) return fault(`names the same API as ${same.identifier}, which is registered already`)
  return (await apps.find(identifier)) ? fault('must not be the ApplicationUri of an app') : []
}

/** Only the secret of a Confidential app proves that it is the API who asks. */
async function whyNotServers({ apps }: Pick<Unit, 'apps'>, { resourceServers }: ApiResource): Promise<Fault[]> {
  const faults: Fault[] = []
  for (const uri of resourceServers) {
    const app = await apps.find(uri)
    const reason = app ? `${uri} has ClientType ${app.clientType}, not Confidential` : `there is no app ${uri}`
    if (app?.clientType !== 'Confidential') faults.push({ attribute: 'ResourceServers', reason })
  }
  return faults
}

/** Takes an app off the APIs that it serves. */
export async function leaveResources(
  unit: Pick<Unit, 'resources' | 'auditEvents'>,
  applicationUri: string,
  context: ChangeContext,
): Promise<void> {
  const served = (await unit.resources.list()).filter(({ resourceServers }) => resourceServers.includes(applicationUri))
  for (const resource of served) {
    const after = { ...resource, resourceServers: resource.resourceServers.filter((uri) => uri !== applicationUri) }
    await unit.resources.update(after, context.now)
    const fields = fieldChanges(showResource(resource), showResource(after))
    await recordChange(unit, { event: 'resource_updated', detail: { resource: resource.identifier, fields } }, context)
  }
}

/** Removes an API resource. @throws Refused while apps need it, and for the API of the instance itself, which stays */
export async function removeResource(unit: Unit, identifier: string, context: ChangeContext): Promise<void> {
  const before = await requireResource(unit, identifier)
  if (identifier === (await unit.settings.get(DEFAULT_RESOURCE))) {
    const reason = `${identifier} is the API of the instance (TESSERA_AUDIENCE) and cannot be removed`
    throw conflict([{ attribute: 'Identifier', reason }])
  }
  const users = (await unit.apps.naming(identifier)).filter(({ apiResources }) => apiResources.includes(identifier))
  if (users.length > 0) {
    const reason = `${users.map(({ applicationUri }) => applicationUri).join(', ')} may still ask for it`
    throw conflict([{ attribute: 'Identifier', reason }])
  }
  const others = (await unit.resources.list()).filter((resource) => resource.identifier !== identifier)
  const faults = await whyScopesStay(unit, before, others)
  if (faults.length > 0) throw conflict(faults)
  await unit.resources.remove(identifier)
  const detail = { resource: identifier, fields: fieldChanges(showResource(before), {}) }
  await recordChange(unit, { event: 'resource_removed', detail }, context)
}
