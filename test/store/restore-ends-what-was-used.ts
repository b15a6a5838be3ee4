// SQLite alone: a restore with --replace is of its file; what is asked of the rows is the same statement on both
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { documentOf, tesseraWith } from '../fixtures/cli/cli.ts'
import { clientOf, METADATA, manage, registerClient } from '../fixtures/clients/registration.ts'
import { addApp, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { alter, query } from '../fixtures/store/database.ts'

const WEB = 'my.trusted.app/web'
const SPARE = 'my.trusted.app/spare'

interface Ended {
  readonly secrets: number
  readonly appsWithoutSecret: readonly string[]
}

/** What a restore in the place of the present database ended. */
const replaceWith = async (site: Site, file: string): Promise<Ended> =>
  (await documentOf(site.tessera(['db', 'restore', file, '--replace', '--json'])))['ended'] as Ended

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

    const ended = await replaceWith(site, file)
    t.match(ended, { initialAccessTokens: 2, secrets: 2, deliveries: 1 })
    t.strictSame(ended.appsWithoutSecret, [WEB])
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

await t.test('a restore ends no secret for the reason that the present database has lost its app', async (t) => {
  const site = await prepareSite(t)
  await addApp(site, WEB, '--web', '--redirect-uri', WEB_REDIRECT)
  await addApp(site, SPARE, '--web', '--redirect-uri', WEB_REDIRECT)
  const file = join(site.folder, 'backup.db')
  t.equal((await site.tessera(['db', 'backup', file])).code, 0)
  const live = `select application_uri from app_secrets where expires_at is null or expires_at > ${Date.now()}`
  const restored = async (why: string) => {
    const ended = await replaceWith(site, file)
    t.strictSame([ended.secrets, ended.appsWithoutSecret], [0, []], why)
    t.equal((await query(site, live)).length, 2, why)
  }

  t.equal((await site.tessera(['app', 'remove', WEB, '--yes'])).code, 0)
  await restored('an app was removed by mistake')

  await alter(site, `update app_secrets set id = 'anew-' || id`)
  await restored('the apps were made anew, out of a configuration file with their hashes')

  rmSync(join(site.folder, 'tessera.db'))
  t.equal((await site.tessera(['db', 'migrate'])).code, 0)
  await restored('a server made a new instance on an empty disk')
})

await t.test('a registration access token is good after a restore: none was ever replaced', async (t) => {
  const site = await prepareSite(t, { TESSERA_REGISTRATION: 'open' })
  const server = await serve(t, site)
  const client = await registerClient(site)
  const file = join(site.folder, 'backup.db')
  t.equal((await site.tessera(['db', 'backup', file])).code, 0)
  const { registration_access_token: token } = client
  const put = async (name: string) =>
    clientOf(await manage(client, 'PUT', { ...METADATA, client_id: client.client_id, client_name: name }), 200)
  t.equal((await put('after the backup')).registration_access_token, token, 'an update hands out the same')
  server.kill('SIGTERM')
  await server.ended()

  await replaceWith(site, file)
  await serve(t, site)
  const { client_name: name, registration_access_token: same } = clientOf(await manage(client, 'GET'), 200)
  t.strictSame([name, same], [METADATA.client_name, token])
  t.equal((await put('once more'))['client_name'], 'once more')
})
