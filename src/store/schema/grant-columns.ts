import type { Selectable } from 'kysely'
import type { Granted } from '../../domain/access/authorization.ts'
import { NO_CLAIMS, type RequestedClaims, scopesOfClaims } from '../../domain/protocol/requested-claims.ts'
import { fromSignIn, toScope, toSignIn } from './columns.ts'
import type { Schema } from './schema.ts'

type GrantRow = Pick<
  Selectable<Schema['token_families']>,
  | 'family'
  | 'application_uri'
  | 'user_id'
  | 'app_epoch'
  | 'user_epoch'
  | 'session_epoch'
  | 'scope'
  | 'resources'
  | 'claims'
  | 'sid'
  | 'auth_time'
  | 'amr'
  | 'acr'
>

export const fromGranted = (granted: Granted): GrantRow => ({
  ...fromSignIn(granted.signIn),
  family: granted.family,
  application_uri: granted.applicationUri,
  user_id: granted.userId,
  app_epoch: granted.appEpoch,
  user_epoch: granted.userEpoch,
  session_epoch: granted.sessionEpoch,
  scope: granted.scope.join(' '),
  resources: granted.resources.length === 0 ? null : JSON.stringify(granted.resources),
  claims: scopesOfClaims(granted.claims).length === 0 ? null : JSON.stringify(granted.claims),
})

export const toGranted = (row: GrantRow): Granted => ({
  family: row.family,
  applicationUri: row.application_uri,
  userId: row.user_id,
  appEpoch: row.app_epoch,
  userEpoch: row.user_epoch,
  sessionEpoch: row.session_epoch,
  signIn: toSignIn(row),
  scope: toScope(row.scope),
  resources: row.resources === null ? [] : (JSON.parse(row.resources) as string[]),
  claims: row.claims === null ? NO_CLAIMS : (JSON.parse(row.claims) as RequestedClaims),
})
