// SQLite alone: a restore with --replace is of its file; what is asked of the rows is the same statement on both
import { join } from 'node:path'
import t from 'tap'
import { documentOf, tesseraWith } from '../fixtures/cli/cli.ts'
import { addApp, prepareSite } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { alter, query } from '../fixtures/store/database.ts'

const WEB = 'my.trusted.app/web'
const SPARE = 'my.trusted.app/spare'

const labelsOf = (rows: readonly { label: string | null }[]) => rows.map(({ label }) => label).sort()

await t.test(
  'a restore brings back no used-up initial access token, no replaced secret and no notice that waited',
  async (t) => {
    const site = await prepareSite(t)
    await addApp(site, WEB, '--web', '--redirect-uri', WEB_REDIRECT)
    await addApp(site, SPARE, '--web', '--redirect-uri', WEB_REDIRECT)
    await site.tessera(['registration', 'token', 'create', '--label', 'once'])
    await site.tessera(['registration', 'token', 'create', '--unlimited', '--label', 'for good'])
    await site.tessera(['app', 'rotate-secret', SPARE, '--overlap', '7d', '--label', 'second'])
    await alter(
      site,
      `insert into outbox (id, kind, destination, payload, created_at, next_attempt_at, attempts)
     values ('waits', 'logout', '${WEB}', '{}', 1, 1, 0)`,
    )
    const file = join(site.folder, 'backup.db')
    t.equal((await site.tessera(['db', 'backup', file])).code, 0)
    await site.tessera(['app', 'rotate-secret', WEB, '--label', 'after the backup'])

    const { ended } = await documentOf(site.tessera(['db', 'restore', file, '--replace', '--json']))
    t.match(ended, { initialAccessTokens: 2, secrets: 2, deliveries: 1 })
    const now = Date.now()
    const live = `select label from app_secrets where application_uri = ? and (expires_at is null or expires_at > ${now})`
    t.strictSame(labelsOf(await query(site, live, WEB)), [], 'the secret of the backup was replaced since')
    t.strictSame(labelsOf(await query(site, live, SPARE)), ['second'], 'and the one that was being replaced is')
    const tokens = `select label from initial_access_tokens where expires_at is null or expires_at > ${now}`
    t.strictSame(await query(site, tokens), [])
    t.strictSame(await query(site, 'select id from outbox'), [])

    // Into an empty place nobody knows what came after the backup.
    const elsewhere = { ...site.settings, TESSERA_DATABASE_URL: `file:${join(site.folder, 'elsewhere.db')}` }
    const { ended: there } = await documentOf(tesseraWith(elsewhere)(['db', 'restore', file, '--json']))
    t.match(there, { initialAccessTokens: 2, secrets: 1, deliveries: 1 })
  },
)
