import t from 'tap'
import { openPlace } from '../../src/store/transfer/place.ts'
import { emptyPlaceOf } from '../fixtures/instance/place.ts'
import { alter, query } from '../fixtures/store/database.ts'

await t.test(
  '0015: what is open goes on under its seat, and what belongs to one sign-in becomes one session',
  async (t) => {
    const at = emptyPlaceOf(t)
    await at.prepare()
    const old = openPlace(at.databaseUrl, 'make')
    await old.migrations.migrate('0014-master-key')
    const rows = async (table: string, columns: string, values: readonly string[]): Promise<void> => {
      for (const row of values) await alter(at, `insert into ${table} (${columns}) values (${row})`)
    }
    await rows(
      'users',
      'id, login, type, name, email_verified, locale, profile, is_admin, is_enabled, epoch, grants_epoch, created_at, updated_at',
      [
        `'david', 'david', 'InternalUser', 'David', 0, 'en', '{}', 0, 1, 5, 2, 1, 1`,
        `'svc', 'svc', 'SystemUserNoLogin', 'svc', 0, 'en', '{}', 0, 1, 1, 0, 1, 1`,
      ],
    )
    await rows('trusted_applications', 'application_uri, registration, is_enabled, epoch, created_at, updated_at', [
      ...['web', 'other', 'pat', 'none', 'sync'].map((app) => `'${app}', '{}', 1, 3, 1, 1`),
      `'off', '{}', 1, 4, 1, 1`,
    ])
    await rows('session_epochs', 'application_uri, user_id, epoch', [`'web', 'david', 7`])
    const family =
      'family, application_uri, user_id, app_epoch, user_epoch, session_epoch, sid, auth_time, amr, acr, scope, started_at, expires_at, revoked_at'
    await rows('token_families', family, [
      `'f1', 'web', 'david', 3, 5, 9, 'old', 1, 'pwd', '1', 'read', 10, 99, null`,
      `'f2', 'web', 'david', 3, 5, 9, 'now', 1, 'pwd', '1', 'read', 20, 99, null`,
      `'f3', 'web', 'david', 3, 5, 9, 'gone', 1, 'pwd', '1', 'read', 30, 99, 31`,
      `'f4', 'other', 'david', 3, 5, 2, 'now', 1, 'pwd', '1', 'read', 20, 99, null`,
    ])
    await rows(
      'reference_tokens',
      'id, digest, kind, application_uri, user_id, app_epoch, user_epoch, session_epoch, description, scope, created_by, created_at, expires_at, last_used_at',
      [
        `'t1', 'd1', 'PAT', 'pat', 'david', 3, 5, 2, '', 'read', 'x', 1, 99, 50`,
        `'t2', 'd2', 'PAT', 'pat', 'david', 3, 5, 2, '', 'read', 'x', 2, 99, null`,
      ],
    )
    await rows(
      'api_sessions',
      'id, kind, application_uri, user_id, app_epoch, user_epoch, opened_at, last_seen_at, ended_at',
      [
        `'s2', 'user', 'other', 'david', 3, 5, 60, 90, null`,
        `'s1', 'user', 'web', 'david', 3, 5, 50, 70, null`,
        `'s3', 'user', 'pat', 'david', 3, 5, 51, 52, null`,
        `'s4', 'user', 'none', 'david', 3, 5, 51, 52, null`,
        `'s5', 'service', 'sync', 'svc', 3, 1, 40, 80, null`,
        `'s6', 'service', 'off', 'svc', 3, 1, 40, 80, null`,
        `'s7', 'user', 'web', 'david', 3, 5, 1, 2, 3`,
      ],
    )

    t.ok((await old.migrations.migrate()).includes('0015-seats'))
    await old.close()
    const columns = 'id, kind, user_id, user_epoch, seat, live_seat, opened_at, last_seen_at, ended_at'
    const session = (
      id: string,
      kind: string,
      user: string,
      epoch: number,
      seat: string,
      opened: number,
      seen: number,
    ) => ({
      ...{ id, kind, user_id: user, user_epoch: epoch, seat, live_seat: seat },
      ...{ opened_at: opened, last_seen_at: seen, ended_at: null },
    })
    t.strictSame(await query(at, `select ${columns} from api_sessions order by id`), [
      session('s1', 'user', 'david', 5, 'sign-in now', 50, 90),
      session('s3', 'user', 'david', 5, 'token t1', 51, 52),
      session('s5', 'service', 'svc', 1, 'app svc sync', 40, 80),
    ])
    t.strictSame(await query(at, 'select * from api_session_apps order by session_id, application_uri'), [
      { session_id: 's1', application_uri: 'other', app_epoch: 3, session_epoch: 2, opened_at: 50, joined_at: 60 },
      { session_id: 's1', application_uri: 'web', app_epoch: 3, session_epoch: 9, opened_at: 50, joined_at: 50 },
      { session_id: 's3', application_uri: 'pat', app_epoch: 3, session_epoch: 2, opened_at: 51, joined_at: 51 },
      { session_id: 's5', application_uri: 'sync', app_epoch: 3, session_epoch: 0, opened_at: 40, joined_at: 40 },
    ])
  },
)
