import type {
  ApiSessionAppsTable,
  ApiSessionsTable,
  AuthorizationCodesTable,
  ClientAssertionsTable,
  OpaqueAccessTokensTable,
  ReferenceTokensTable,
  RefreshTokensTable,
  ReservedUsersTable,
  RevokedAccessTokensTable,
  SessionAppsTable,
  SessionEpochsTable,
  SignInSessionsTable,
  TokenFamiliesTable,
  TokenNoticesTable,
} from './grant-tables.ts'

/** A flag as both databases store it. */
export type Flag = 0 | 1

interface UsersTable {
  id: string
  login: string
  type: string
  password_hash: string | null
  name: string
  email: string | null
  email_verified: Flag
  locale: string | null
  profile: string
  is_admin: Flag
  is_enabled: Flag
  epoch: number
  created_at: number
  updated_at: number
  removed_at: number | null
  grants_epoch: number
}

interface UserIdentifiersTable {
  identifier: string
  user_id: string
}

interface TrustedApplicationsTable {
  application_uri: string
  registration: string
  system_user_id: string | null
  is_enabled: Flag
  epoch: number
  created_at: number
  updated_at: number
  removed_at: number | null
}

interface AppSecretsTable {
  id: string
  application_uri: string
  hash: string
  label: string | null
  created_at: number
  expires_at: number | null
  last_used_at: number | null
  sealed_secret: string | null
}

interface InitialAccessTokensTable {
  id: string
  digest: string
  label: string | null
  created_by: string
  created_at: number
  expires_at: number | null
  uses_left: number | null
}

interface SelfRegistrationsTable {
  application_uri: string
  token_digest: string
  initial_access_token: string | null
  metadata: string
  created_at: number
  expires_at: number | null
}

interface AppOriginsTable {
  origin: string
  application_uri: string
}

interface ConsentsTable {
  user_id: string
  application_uri: string
  scope: string
  granted_at: number
}

interface SigningKeysTable {
  kid: string
  algorithm: string
  public_jwk: string
  sealed_private_jwk: string
  created_at: number
  signs_from: number
  retires_at: number | null
}

interface RefusalsTable {
  id: string
  refused_at: number
  endpoint: string
  method: string
  status: number
  error: string
  description: string
  parameters: string
  detail: string
  application_uri: string | null
  address: string
}

interface AuditEventsTable {
  id: string
  happened_at: number
  event: string
  outcome: string
  actor: string
  address: string | null
  application_uri: string | null
  user_id: string | null
  detail: string
}

interface ApiResourcesTable {
  identifier: string
  name: string
  localized_names: string
  scopes: string
  open_to_self_registered: number
  site: string | null
  created_at: number
  updated_at: number
}

interface OutboxTable {
  id: string
  kind: string
  destination: string
  payload: string
  created_at: number
  next_attempt_at: number
  expires_at: number | null
  attempts: number
  last_error: string | null
  delivered_at: number | null
  given_up_at: number | null
}

interface LeasesTable {
  task: string
  holder: string
  until: number
}

interface SettingsTable {
  name: string
  value: string
  sealed: string | null
}

interface SignInAttemptsTable {
  key: string
  user_id: string | null
  since: number
  count: number
  locks: number
  locked_until: number
  consecutive: number
  expires_at: number
}

interface MoveStateTable {
  name: string
  value: string
}

interface ResourceServersTable {
  identifier: string
  application_uri: string
}

/** Every table, as Kysely sees it; made by `db/migrations`. */
export interface Schema {
  users: UsersTable
  user_identifiers: UserIdentifiersTable
  trusted_applications: TrustedApplicationsTable
  app_secrets: AppSecretsTable
  app_origins: AppOriginsTable
  sign_in_sessions: SignInSessionsTable
  consents: ConsentsTable
  authorization_codes: AuthorizationCodesTable
  token_families: TokenFamiliesTable
  refresh_tokens: RefreshTokensTable
  revoked_access_tokens: RevokedAccessTokensTable
  signing_keys: SigningKeysTable
  settings: SettingsTable
  leases: LeasesTable
  move_state: MoveStateTable
  refusals: RefusalsTable
  audit_events: AuditEventsTable
  api_resources: ApiResourcesTable
  resource_servers: ResourceServersTable
  reference_tokens: ReferenceTokensTable
  opaque_access_tokens: OpaqueAccessTokensTable
  api_sessions: ApiSessionsTable
  api_session_apps: ApiSessionAppsTable
  reserved_users: ReservedUsersTable
  session_epochs: SessionEpochsTable
  token_notices: TokenNoticesTable
  sign_in_attempts: SignInAttemptsTable
  client_assertions: ClientAssertionsTable
  session_apps: SessionAppsTable
  outbox: OutboxTable
  initial_access_tokens: InitialAccessTokensTable
  self_registrations: SelfRegistrationsTable
}
