// SQLite alone: a restore with --replace is of its file

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { documentOf, tesseraWith, words } from '../fixtures/cli/cli.ts'
import { ALIVE, createRelyingParty, lifeOf } from '../fixtures/clients/relying-party.ts'
import { refusalOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { addApp, addPerson, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { query } from '../fixtures/store/database.ts'

const WEB = 'my.trusted.app/web'
const SPARE = 'my.trusted.app/spare'

const on = ({ settings }: Site, path: string) => tesseraWith({ ...settings, TESSERA_DATABASE_URL: `file:${path}` })
const loginsOf = async ({ tessera }: Site): Promise<string[]> =>
  (JSON.parse((await tessera(words('user list --json'))).stdout) as { login: string; isEnabled: boolean }[])
    .map(({ login, isEnabled }) => (isEnabled ? login : `(${login})`))
    .sort()

const replaceWith = async ({ tessera }: Site, file: string) =>
  (await documentOf(tessera(['db', 'restore', file, '--replace', '--json']))) as {
    readonly aside: string
    readonly ended: { readonly secrets: number; readonly appsWithoutSecret: readonly string[] }
  }

await t.test('what a restore put aside is kept, is served by nobody, and can be gone back to', async (t) => {
  const site = await prepareSite(t)
  for (const login of ['david', 'anna']) await addPerson(site, login, PASSWORD)
  await addApp(site, WEB, '--web', '--redirect-uri', WEB_REDIRECT)
  await addApp(site, SPARE, '--web', '--redirect-uri', WEB_REDIRECT)
  const backup = join(site.folder, 'backup.db')
  t.equal((await site.tessera(['db', 'backup', backup])).code, 0)

  await addPerson(site, 'since', PASSWORD)
  t.equal((await site.tessera(['user', 'disable', 'anna'])).code, 0)
  const rotated = await documentOf(site.tessera(['app', 'rotate-secret', WEB, '--json']))
  const party = createRelyingParty(site, { clientId: WEB, secret: String(rotated['client_secret']), login: 'david' })
  const server = await serve(t, site)
  const tokens = await party.obtainTokens()
  t.equal(await lifeOf(party, tokens), ALIVE)
  server.kill('SIGTERM')
  await server.ended()

  const { aside, ended } = await replaceWith(site, backup)
  t.strictSame(ended.appsWithoutSecret, [WEB])
  t.equal(statSync(aside).mode & 0o777, 0o600)
  t.strictSame(await loginsOf(site), ['anna', 'david'], 'as the backup has them')
  const loginsIn = () =>
    query<{ login: string }>({ databaseUrl: `file:${aside}` }, 'select login from users order by login')
  const kept = await loginsIn()
  const put = /put aside at \S+Z, when \S+backup\.db was restored/
  for (const command of [
    ['serve'],
    ['user', 'list'],
    ['audit', 'list'],
    ['db', 'backup', join(site.folder, 'no.db')],
  ]) {
    const refused = await on(site, aside)(command)
    t.equal(refused.code, 1, command.join(' '))
    t.match(refused.stderr, put, command.join(' '))
  }
  t.notOk(existsSync(join(site.folder, 'no.db')))
  t.match((await on(site, aside)(['db', 'check'])).stdout, put)

  await t.test('its audit log tells what was disabled since, in a copy', async (t) => {
    const copy = join(site.folder, 'copy.db')
    t.equal((await on(site, copy)(['db', 'restore', aside])).code, 0)
    const { stdout } = await on(site, copy)(words('audit list --event user_disabled --json'))
    t.equal((JSON.parse(stdout) as unknown[]).length, 1)
  })

  await addPerson(site, 'meanwhile', PASSWORD)
  await site.tessera(['app', 'rotate-secret', SPARE])
  const back = await replaceWith(site, aside)
  t.strictSame(
    [back.ended.secrets, back.ended.appsWithoutSecret],
    [1, [SPARE]],
    'but for a secret that was replaced meanwhile',
  )
  t.strictSame(await loginsIn(), kept, 'it stays')
  t.not(back.aside, aside)
  t.strictSame(readdirSync(site.folder).filter((name) => /before-restore-[^-]+$/.test(name)).length, 2)
  t.strictSame(await loginsOf(site), ['(anna)', 'david', 'since'])
  t.match(await site.tessera(['db', 'check', '--json']), { code: 0, stdout: /"outcome": "sound"/ })

  await serve(t, site)
  t.match(refusalOf(await party.refresh(tokens.refresh_token)), /^400 invalid_grant: /, 'nothing issued before is good')
  t.equal((await party.userinfo(tokens.access_token)).status, 401)
  t.equal(await lifeOf(party, await party.obtainTokens()), ALIVE, 'and the secret of then counts')
})
