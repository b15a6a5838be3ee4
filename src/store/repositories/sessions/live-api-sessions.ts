import { type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { ApiSessionKind, ApiSessionRules } from '../../../domain/sessions/api-session.ts'
import { TOKEN_SEAT } from '../../../domain/sessions/seat.ts'
import type { Schema } from '../../schema/schema.ts'
import { epochOf } from './session-epochs.ts'

/** What decides on the life of a session: the rules, and the time in milliseconds since 1970. */
export interface AsOf {
  readonly rules: ApiSessionRules
  readonly now: number
}

/** Whether an app of a session may still act as its user: neither was switched off, nor was what it was granted taken back. */
export const mayStillCall = sql<SqlBool>`(
  exists (select 1 from trusted_applications as its_app where its_app.application_uri = part.application_uri
    and its_app.epoch = part.app_epoch and its_app.is_enabled = 1)
  and ${epochOf(sql`part.application_uri`, sql`api_sessions.user_id`)} = part.session_epoch)`

const ofToken = sql<SqlBool>`substr(api_sessions.seat, 1, ${TOKEN_SEAT.length}) = ${TOKEN_SEAT}`

/**
 * Whether a session lives: it was neither ended nor left alone for too long, its user was not switched off since, one of its apps may
 * still call, and the reference token that it is of is good.
 */
export const isLive =
  ({ rules, now }: AsOf) =>
  (eb: ExpressionBuilder<Schema, 'api_sessions'>) =>
    eb.and([
      eb('api_sessions.ended_at', 'is', null),
      eb('api_sessions.last_seen_at', '>', now - rules.idle),
      eb.or([
        eb('api_sessions.kind', '<>', 'service' satisfies ApiSessionKind),
        eb('api_sessions.opened_at', '>', now - rules.serviceLength),
      ]),
      eb.exists(
        eb
          .selectFrom('users as holder')
          .select('holder.epoch')
          .whereRef('holder.id', '=', 'api_sessions.user_id')
          .whereRef('holder.epoch', '=', 'api_sessions.user_epoch')
          .where('holder.is_enabled', '=', 1),
      ),
      eb.exists(
        eb
          .selectFrom('api_session_apps as part')
          .select('part.app_epoch')
          .whereRef('part.session_id', '=', 'api_sessions.id')
          .where(mayStillCall),
      ),
      eb.or([
        eb.not(ofToken),
        eb.exists(
          eb
            .selectFrom('reference_tokens as its_token')
            .select('its_token.id')
            .where('its_token.id', '=', sql<string>`substr(api_sessions.seat, ${TOKEN_SEAT.length + 1})`)
            .where('its_token.revoked_at', 'is', null)
            .where('its_token.expires_at', '>', now),
        ),
      ]),
    ])
