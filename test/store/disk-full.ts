// SQLite alone: is about the disk under the file of SQLite
import { existsSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { createRelyingParty, DEAD, lifeOf } from '../fixtures/clients/relying-party.ts'
import { type Tokens, tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { addApp, addPerson, prepareSite, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { fillDisk, smallDisk } from '../fixtures/store/small-disk.ts'

const Sqlite = loadSqlite()

const WEB = 'my.trusted.app/web'

await t.test('R-06: a full disk stops what issues, not what ends, and the server goes on by itself', async (t) => {
  const disk = smallDisk(t, 32)
  if (disk === undefined) {
    t.comment('a tmpfs cannot be mounted here: only root may')
    return
  }
  const site = await prepareSite(t, { TESSERA_DATA_DIR: disk })
  await addPerson(site, 'david', PASSWORD)
  const secret = await addApp(site, WEB, '--web', '--redirect-uri', WEB_REDIRECT)
  const server = await serve(t, site)
  const party = createRelyingParty(site, { clientId: WEB, login: 'david', secret, scope: 'openid offline_access read' })
  const [kept, ended] = [await party.obtainTokens(), await party.obtainTokens()]
  const ballast = join(disk, 'ballast')
  t.equal(statSync(ballast).size, 4 * 1024 * 1024, 'space is put aside')

  const filler = join(disk, 'filler')
  fillDisk(filler)
  let tokens: Tokens = kept
  // The log that is written to has room for some more.
  for (let tries = 0; tries < 500; tries++) {
    const answer = await party.refresh(tokens.refresh_token)
    if (answer.status !== 200) break
    tokens = tokensOf(answer)
  }
  const refused = await party.refresh(tokens.refresh_token)
  t.equal(refused.status, 503, refused.text)
  t.equal(refused.json['error'], 'temporarily_unavailable')
  t.ok(refused.headers.get('retry-after'))
  t.notOk(existsSync(ballast), 'the space put aside is given back')
  t.ok(statfsSync(disk).bavail > 0)

  for (const path of ['/id/.well-known/openid-configuration', '/id/.well-known/openid-configuration/jwks'])
    t.equal((await fetch(site.origin + path)).status, 200, path)
  t.equal((await party.userinfo(tokens.access_token)).status, 200)
  t.equal((await party.introspect(tokens.access_token)).json['active'], true)
  t.equal((await party.revoke(ended.refresh_token)).status, 200, 'what ends something is written all the same')
  t.equal(await lifeOf(party, ended), DEAD)
  const { code, stderr } = await site.tessera(['app', 'disable', WEB])
  t.equal(code, 0, `the kill switch works: ${stderr}`)
  t.equal((await site.tessera(['app', 'enable', WEB])).code, 0)

  rmSync(filler)
  const freed = performance.now()
  let answers = false
  while (!answers && performance.now() - freed < 60_000)
    answers = await party.obtainTokens().then(
      () => true,
      () => false,
    )
  await t.resolves(party.obtainTokens(), 'without a restart')
  t.ok(existsSync(ballast), 'and space is put aside again')

  server.kill('SIGTERM')
  t.strictSame(await server.ended(), { code: 0, signal: null }, server.stderr())
  const database = new Sqlite(join(disk, 'tessera.db'))
  t.equal(database.pragma('integrity_check', { simple: true }), 'ok')
  database.close()
})
