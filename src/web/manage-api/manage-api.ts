import type { FastifyInstance } from 'fastify'
import type { ManageApps } from '../../admin/apps/manage-apps.ts'
import type { ManageInitialTokens } from '../../admin/apps/manage-initial-tokens.ts'
import type { ManageResources } from '../../admin/apps/manage-resources.ts'
import type { ManageSettings } from '../../admin/change/manage-settings.ts'
import type { ReadLogs } from '../../admin/change/read-logs.ts'
import type { ManageConsents } from '../../admin/grants/manage-consents.ts'
import type { ManageKeys } from '../../admin/grants/manage-keys.ts'
import type { ManageSessions } from '../../admin/grants/manage-sessions.ts'
import type { ManageSignIns } from '../../admin/grants/manage-sign-ins.ts'
import type { ManageTokens } from '../../admin/grants/manage-tokens.ts'
import type { ManageUsers } from '../../admin/users/manage-users.ts'
import type { ManageFiles } from '../../config-files/apply/manage-files.ts'
import { ADMINISTRATION_SCOPE } from '../../domain/protocol/scope.ts'
import type { LookUpToken } from '../../oauth/tokens/lookup/find-token.ts'
import type { RecheckToken } from '../../oauth/tokens/lookup/recheck-token.ts'
import type { ActiveAccessToken } from '../../oauth/tokens/lookup/token-status.ts'
import { watchMethods } from '../kit/answers/other-methods.ts'
import { registerProblemDetails } from '../kit/answers/problem-details.ts'
import type { Refuse } from '../kit/answers/refusals.ts'
import { requireAdministrator } from '../kit/apis/administrator.ts'
import { registerOpenApi } from '../kit/apis/open-api.ts'
import { challengeNaming } from '../kit/requests/bearer-token.ts'
import { registerJsonBody } from '../kit/requests/json-body.ts'
import { manageAppsEndpoint } from './apps.ts'
import { manageConsentsEndpoint } from './consents.ts'
import { manageFilesEndpoint } from './files.ts'
import { manageKeysEndpoint } from './keys.ts'
import { manageLogsEndpoint } from './logs.ts'
import { manageRegistrationTokensEndpoint } from './registration-tokens.ts'
import { manageResourcesEndpoint } from './resources.ts'
import { manageSessionsEndpoint } from './sessions.ts'
import { manageSettingsEndpoint } from './settings.ts'
import { manageSignInsEndpoint } from './sign-ins.ts'
import { manageTokensEndpoint } from './tokens.ts'
import { manageUsersEndpoint } from './users.ts'

interface Dependencies {
  readonly lookUpToken: LookUpToken
  readonly recheckToken: RecheckToken
  /** Identifier of the instance's own API. */
  readonly defaultResource: string
  readonly refuse: Refuse
  readonly apps: ManageApps
  readonly tokens: ManageTokens
  readonly resources: ManageResources
  readonly initialTokens: ManageInitialTokens
  readonly signIns: ManageSignIns
  readonly sessions: ManageSessions
  readonly consents: ManageConsents
  readonly users: ManageUsers
  readonly keys: ManageKeys
  readonly settings: ManageSettings
  readonly files: ManageFiles
  readonly logs: ReadLogs
}

/** The administration API. */
export async function manageApi(
  server: FastifyInstance,
  {
    lookUpToken,
    recheckToken,
    defaultResource,
    refuse,
    apps,
    tokens,
    resources,
    initialTokens,
    signIns,
    sessions,
    consents,
    users,
    keys,
    settings,
    files,
    logs,
  }: Dependencies,
): Promise<void> {
  registerJsonBody(server)
  requireAdministrator<ActiveAccessToken>(server, { lookUpToken, recheckToken, defaultResource })
  registerProblemDetails(server, {
    refuse,
    challenge: challengeNaming(ADMINISTRATION_SCOPE),
    refusals: `${server.prefix}/refusals`,
  })
  await registerOpenApi(server, {
    title: 'Tessera administration API',
    description: `Requires an access token with the scope ${ADMINISTRATION_SCOPE}. Refusals are problem details (RFC 9457).`,
    version: '1',
    security: { accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    tags: [
      { name: 'apps', description: 'Trusted Applications and their secrets' },
      { name: 'tokens', description: 'Reference tokens: personal and system access tokens' },
      { name: 'resources', description: 'APIs that access tokens are for, with their scopes' },
      { name: 'sign-ins', description: 'Sign-in sessions: in which browsers people are signed in' },
      { name: 'sessions', description: 'API sessions and licence slots' },
      { name: 'users', description: 'People and System Users' },
      { name: 'keys', description: 'Keys that sign tokens' },
      { name: 'settings', description: 'What is in force, and what administrators may change' },
      { name: 'files', description: 'Configuration files: planned and applied' },
      { name: 'journals', description: 'Refusals and the audit log' },
    ],
  })
  const refuseOtherMethods = watchMethods(server)
  await server.register(manageAppsEndpoint, { apps })
  await server.register(manageTokensEndpoint, { tokens })
  await server.register(manageResourcesEndpoint, { resources })
  await server.register(manageRegistrationTokensEndpoint, { initialTokens })
  await server.register(manageSignInsEndpoint, { signIns })
  await server.register(manageSessionsEndpoint, { sessions })
  await server.register(manageUsersEndpoint, { users })
  await server.register(manageConsentsEndpoint, { consents })
  await server.register(manageKeysEndpoint, { keys })
  await server.register(manageSettingsEndpoint, { settings })
  await server.register(manageFilesEndpoint, { files })
  await server.register(manageLogsEndpoint, { logs })
  refuseOtherMethods()
}
