import { DEFAULT_RESOURCE } from '../../domain/access/api-resource.ts'
import { RECORD_ATTRIBUTES } from '../../domain/apps/app-attributes.ts'
import { type OwnNames, ownNamesIn } from '../../domain/apps/own-names.ts'
import { faultsOf } from '../../domain/apps/registration-rules.ts'
import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import { ADMINISTRATION_SCOPE, apiScopesOf } from '../../domain/protocol/scope.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import type { User } from '../../domain/users/user.ts'
import { shellWord } from '../../lib/text/shell.ts'
import type { Repositories } from '../../store/store.ts'
import type { ChangeContext } from '../change/record-change.ts'
import { invalidChange } from '../change/refuse-change.ts'
import { findUser } from '../users/find-user.ts'

type Unit = Pick<Repositories, 'users' | 'resources' | 'settings'>

/**
 * Validates a registration before it is stored.
 * @param wanted its `systemUser` may be a login, an e-mail or an id
 * @param before what is stored now; a System User who was fit then and is disabled since does not stop other changes
 * @returns the registration as it can be stored, with the id of its System User
 * @throws Refused naming everything that makes it unable to work
 */
export async function validateApp(
  wanted: AppRegistration,
  unit: Unit,
  { here }: Pick<ChangeContext, 'here'>,
  before?: AppRegistration,
): Promise<AppRegistration> {
  const { systemUser } = wanted
  const user = systemUser === undefined ? undefined : await findUser(unit.users, systemUser)
  const app = { ...asKept(wanted), systemUser: user?.id ?? systemUser }
  const unsound = newFaults(app, before, await ownNames(unit, here))
  const unreachable = here ? unreachableAddresses(app, before, here.whyNotFetchable) : []
  const faults = [
    ...unsound,
    ...unreachable.filter(({ attribute }) => !unsound.some((fault) => fault.attribute === attribute)),
    ...(systemUser === undefined || isSettled(app, before) ? [] : whyNotSystemUser(systemUser, user)),
    ...(await unknownScopes(app, unit)),
    ...(await whyStaysConfidential(app, unit)),
  ]
  if (faults.length > 0) throw invalidChange(faults)
  return app
}

/** A registration as a record holds it: protocol scopes need no listing, and say nothing where they are listed. */
export const asKept = (wanted: AppRegistration): AppRegistration => ({ ...wanted, scope: apiScopesOf(wanted.scope) })

/** What the server calls its own. */
export const ownNames = async (
  { resources }: Pick<Unit, 'resources'>,
  here: Pick<OwnNames, 'issuer' | 'hosts'> | undefined,
): Promise<OwnNames> => ({
  issuer: here?.issuer,
  hosts: here?.hosts ?? [],
  audiences: (await resources.list()).map(({ identifier }) => identifier),
})

/** What is wrong with a record by all rules there are; what was stored under older rules stands until it is changed. */
function newFaults(app: AppRegistration, before: AppRegistration | undefined, own: OwnNames): Fault[] {
  const faultsIn = (record: AppRegistration): Fault[] => [...faultsOf(record), ...ownNamesIn(record, own)]
  if (before === undefined) return faultsIn(app)
  const standing = faultsIn(before)
  const isStanding = ({ attribute, reason }: Fault): boolean => {
    if (!standing.some((fault) => fault.attribute === attribute && fault.reason === reason)) return false
    const known = RECORD_ATTRIBUTES.find(({ name }) => name === attribute)
    if (known === undefined) return false
    // Of a list the reason names the part.
    return (
      known.show(app) === known.show(before) ||
      (known.separator !== undefined && addressesIn(before[known.key]).some((part) => reason.includes(part)))
    )
  }
  return faultsIn(app).filter((fault) => !isStanding(fault))
}

/** Attributes that hold addresses which this server calls by itself. */
const CALLED = RECORD_ATTRIBUTES.filter(({ called }) => called)

const addressesIn = (value: AppRegistration[keyof AppRegistration] | undefined): string[] =>
  [value].flat().filter((part) => typeof part === 'string')

const REMEDY = '; hosts of TESSERA_OUTBOUND_EXEMPT_HOSTS may be private and without TLS'

/** All that a stranger who registers an app is told, whatever the reason: nothing of this server's settings and its network. */
export const FETCHABLE = 'must be an https URL on the public internet'

/** An address that is new must be one that this server may fetch from or post to. */
function unreachableAddresses(
  app: AppRegistration,
  before: AppRegistration | undefined,
  whyNotFetchable: (url: string) => string | undefined,
): Fault[] {
  return CALLED.flatMap(({ name: attribute, key }) => {
    const known = addressesIn(before?.[key])
    const added = addressesIn(app[key]).filter((uri) => !known.includes(uri))
    return added.flatMap((uri) => {
      // What comes after # is never sent.
      const reason = whyNotFetchable(uri.split('#')[0] ?? '')
      if (reason === undefined) return []
      const which = added.length > 1 ? `${uri} ` : ''
      const told = app.selfRegistered ? FETCHABLE : `${reason}${REMEDY}`
      return [{ attribute, reason: `${which}${told}` }]
    })
  })
}

const isSettled = (app: AppRegistration, before: AppRegistration | undefined): boolean =>
  app.systemUser === before?.systemUser && app.systemUserAllowed === before?.systemUserAllowed

function whyNotSystemUser(name: string, user: User | undefined): Fault[] {
  const fault = (reason: string): Fault[] => [{ attribute: 'SystemUser', reason }]
  if (!user) {
    const remedy = `tessera user add ${shellWord(name)} --type SystemUserNoLogin`
    return fault(`no user is called ${JSON.stringify(name)}; create the account with: ${remedy}`)
  }
  if (user.type !== 'SystemUserNoLogin') return fault(`${user.login} is of type ${user.type}, not SystemUserNoLogin`)
  if (!user.isEnabled)
    return fault(`${user.login} is disabled; enable the account with: tessera user enable ${shellWord(user.login)}`)
  return []
}

/** An app through which an API asks about tokens needs the secret that proves it. */
async function whyStaysConfidential(
  { applicationUri, clientType }: AppRegistration,
  { resources }: Unit,
): Promise<Fault[]> {
  if (clientType === 'Confidential') return []
  const served = (await resources.list()).filter(({ resourceServers }) => resourceServers.includes(applicationUri))
  if (served.length === 0) return []
  const names = served.map(({ identifier }) => identifier).join(', ')
  const reason = `must stay Confidential while the app is in the ResourceServers of ${names}`
  return [{ attribute: 'ClientType', reason }]
}

/** A scope that no API resource has, or none that is open to the app, can never open anything. */
async function unknownScopes(app: AppRegistration, { resources, settings }: Unit): Promise<Fault[]> {
  const catalogue = await resources.list()
  const open = [await settings.get(DEFAULT_RESOURCE), ...app.apiResources]
  const known = [ADMINISTRATION_SCOPE, ...catalogue.flatMap(({ scopes }) => scopes.map(({ name }) => name))]
  const identifiers = catalogue.map(({ identifier }) => identifier)
  return [
    ...app.scope
      .filter((scope) => !known.includes(scope))
      .map((scope) => ({
        attribute: 'Scope',
        reason: `no API resource has the scope ${scope}; existing scopes: ${known.join(', ')}${scope.includes(',') ? ' (scopes are separated by spaces)' : ''}`,
      })),
    ...app.scope.flatMap((scope) => {
      const owners = catalogue.filter(({ scopes }) => scopes.some(({ name }) => name === scope))
      const ids = owners.map(({ identifier }) => identifier)
      if (ids.length === 0 || ids.some((identifier) => open.includes(identifier))) return []
      const reason = `${scope} is a scope of ${ids.join(', ')}, which the app may not use; add that API to ApiResources`
      return [{ attribute: 'Scope', reason }]
    }),
    ...app.apiResources
      .filter((identifier) => !identifiers.includes(identifier))
      .map((identifier) => ({
        attribute: 'ApiResources',
        reason: `there is no API resource ${identifier}; existing ones: ${identifiers.join(', ')}`,
      })),
  ]
}
