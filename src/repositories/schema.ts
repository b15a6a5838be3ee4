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
}

interface AppSecretsTable {
  id: string
  application_uri: string
  hash: string
  label: string | null
  created_at: number
  expires_at: number | null
  last_used_at: number | null
}

interface AppOriginsTable {
  origin: string
  application_uri: string
}

interface SignInFactsColumns {
  sid: string
  auth_time: number
  amr: string
  acr: string
}

interface SignInSessionsTable extends SignInFactsColumns {
  cookie_digest: string
  user_id: string
  user_epoch: number
  created_at: number
  last_seen_at: number
  ended_at: number | null
}

interface ConsentsTable {
  user_id: string
  application_uri: string
  scope: string
  granted_at: number
}

/** Whose grant it is, and under which epochs it was given. */
interface GrantColumns extends SignInFactsColumns {
  application_uri: string
  user_id: string
  app_epoch: number
  user_epoch: number
  scope: string
  resources: string | null
  claims: string | null
  family: string
}

interface AuthorizationCodesTable extends GrantColumns {
  digest: string
  interaction: string
  redirect_uri: string
  nonce: string | null
  code_challenge: string | null
  expires_at: number
  spent_at: number | null
}

interface TokenFamiliesTable extends GrantColumns {
  started_at: number
  expires_at: number
  revoked_at: number | null
}

interface RefreshTokensTable {
  digest: string
  family: string
  issued_at: number
  expires_at: number
  rotated_at: number | null
  rotated_by: string | null
  sealed_answer: string | null
}

interface RevokedAccessTokensTable {
  jti_digest: string
  expires_at: number
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
  scopes: string
  created_at: number
  updated_at: number
}

interface LeasesTable {
  task: string
  holder: string
  until: number
}

interface SettingsTable {
  name: string
  value: string
}

interface MoveStateTable {
  name: string
  value: string
}

interface ReferenceTokensTable {
  id: string
  digest: string
  kind: string
  application_uri: string
  user_id: string
  app_epoch: number
  user_epoch: number
  description: string
  scope: string
  created_by: string
  created_at: number
  expires_at: number
  last_used_at: number | null
  revoked_at: number | null
}

interface OpaqueAccessTokensTable {
  digest: string
  claims: string
  expires_at: number
}

interface ApiSessionsTable {
  id: string
  kind: string
  application_uri: string
  user_id: string
  app_epoch: number
  user_epoch: number
  opened_at: number
  last_seen_at: number
  ended_at: number | null
}

interface ReservedUsersTable {
  user_id: string
}

interface SessionEpochsTable {
  application_uri: string
  user_id: string
  epoch: number
}

interface TokenNoticesTable {
  id: string
  noticed_at: number
  application_uri: string | null
  user_id: string | null
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
  reserved_users: ReservedUsersTable
  session_epochs: SessionEpochsTable
  token_notices: TokenNoticesTable
}
