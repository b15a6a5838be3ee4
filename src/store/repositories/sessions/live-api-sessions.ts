import type { ExpressionBuilder } from 'kysely'
import type { ApiSessionKind, ApiSessionRules } from '../../../domain/sessions/api-session.ts'
import type { Schema } from '../../schema/schema.ts'

/** What decides on the life of a session: the rules, and the time in milliseconds since 1970. */
export interface AsOf {
  readonly rules: ApiSessionRules
  readonly now: number
}

/** Whether a session lives: it was neither ended nor left alone for too long, and no kill switch was thrown since. */
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
          .selectFrom('trusted_applications as app')
          .select('app.epoch')
          .whereRef('app.application_uri', '=', 'api_sessions.application_uri')
          .whereRef('app.epoch', '=', 'api_sessions.app_epoch')
          .where('app.is_enabled', '=', 1),
      ),
      eb.exists(
        eb
          .selectFrom('users as holder')
          .select('holder.epoch')
          .whereRef('holder.id', '=', 'api_sessions.user_id')
          .whereRef('holder.epoch', '=', 'api_sessions.user_epoch')
          .where('holder.is_enabled', '=', 1),
      ),
    ])
