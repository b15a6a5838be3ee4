// What people and apps are granted: sign-ins, codes, tokens, API sessions.

interface SignInFactsColumns {
  sid: string
  auth_time: number
  amr: string
  acr: string
}

export interface SignInSessionsTable extends SignInFactsColumns {
  cookie_digest: string
  user_id: string
  user_epoch: number
  created_at: number
  last_seen_at: number
  ended_at: number | null
}

/** Whose grant it is, and under which epochs it was given. */
interface GrantColumns extends SignInFactsColumns {
  application_uri: string
  user_id: string
  app_epoch: number
  user_epoch: number
  session_epoch: number
  scope: string
  resources: string | null
  claims: string | null
  family: string
}

export interface AuthorizationCodesTable extends GrantColumns {
  digest: string
  interaction: string
  redirect_uri: string
  nonce: string | null
  code_challenge: string | null
  expires_at: number
  spent_at: number | null
}

export interface TokenFamiliesTable extends GrantColumns {
  started_at: number
  expires_at: number
  revoked_at: number | null
  signed_out_at: number | null
}

export interface RefreshTokensTable {
  digest: string
  family: string
  issued_at: number
  expires_at: number
  rotated_at: number | null
  rotated_by: string | null
  sealed_answer: string | null
}

export interface RevokedAccessTokensTable {
  jti_digest: string
  expires_at: number
}

export interface ReferenceTokensTable {
  id: string
  digest: string
  kind: string
  application_uri: string
  user_id: string
  app_epoch: number
  user_epoch: number
  session_epoch: number
  description: string
  scope: string
  created_by: string
  created_at: number
  expires_at: number
  last_used_at: number | null
  revoked_at: number | null
}

export interface OpaqueAccessTokensTable {
  digest: string
  claims: string
  expires_at: number
}

export interface ApiSessionsTable {
  id: string
  kind: string
  user_id: string
  user_epoch: number
  seat: string
  live_seat: string | null
  opened_at: number
  last_seen_at: number
  ended_at: number | null
}

export interface ApiSessionAppsTable {
  session_id: string
  application_uri: string
  app_epoch: number
  session_epoch: number
  opened_at: number
  joined_at: number
}

export interface ReservedUsersTable {
  user_id: string
}

export interface SessionEpochsTable {
  application_uri: string
  user_id: string
  epoch: number
}

export interface TokenNoticesTable {
  id: string
  noticed_at: number
  application_uri: string | null
  user_id: string | null
}

export interface ClientAssertionsTable {
  application_uri: string
  jti_digest: string
  expires_at: number
}

export interface SessionAppsTable {
  sid: string
  application_uri: string
  user_id: string
  first_at: number
}
