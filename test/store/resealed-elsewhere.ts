import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { documentOf, tesseraWith, words } from '../fixtures/cli/cli.ts'
import { asserting, assertionClaims, macKey, signAs } from '../fixtures/clients/app-keys.ts'
import { requestToken } from '../fixtures/clients/endpoints.ts'
import { claimsOf } from '../fixtures/clients/jwt.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { addApp, addPerson, prepareSite, type Site, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createDatabase, dropDatabase, onPostgres } from '../fixtures/store/postgres.ts'

const PAIRWISE = 'my.trusted.app/pairwise'
const MAC = 'my.trusted.app/mac'

const fileOf = ({ folder }: Site): string => join(folder, 'master.key')
const keysIn = (site: Site): string[] => readFileSync(fileOf(site), 'utf8').trim().split('\n')
const hold = (site: Site, keys: readonly (string | undefined)[]): void =>
  writeFileSync(fileOf(site), `${keys.join('\n')}\n`, { mode: 0o600 })

/** The same site with another database, an empty one. */
async function elsewhere(t: Test, site: Site, name: string): Promise<Site> {
  const databaseUrl = onPostgres ? await createDatabase() : `file:${join(site.folder, `${name}.db`)}`
  if (onPostgres) t.teardown(() => dropDatabase(databaseUrl))
  const settings = { ...site.settings, TESSERA_DATABASE_URL: databaseUrl }
  return { ...site, databaseUrl, settings, tessera: tesseraWith(settings) }
}

const done = async (site: Site, line: string): Promise<Record<string, unknown>> =>
  documentOf(site.tessera([...words(line), '--json']))

interface Inhabited {
  readonly site: Site
  /** A server there, and `db check`: all of it opens, and the subject is what it was. */
  readonly isWhole: (at: Site, why: string, during?: () => Promise<void>) => Promise<void>
}

async function inhabited(t: Test): Promise<Inhabited> {
  const site = await prepareSite(t)
  await addPerson(site, 'david', PASSWORD)
  await documentOf(site.tessera(words('user add svc.sync --type SystemUserNoLogin --json')))
  const web = ['--web', '--redirect-uri', WEB_REDIRECT, '--set', 'SubjectType=pairwise']
  const secret = await addApp(site, PAIRWISE, ...web)
  const service = words('--service --system-user svc.sync --set TokenEndpointAuthMethod=client_secret_jwt')
  const macSecret = await addApp(site, MAC, ...service)
  const subjects = new Set<string>()

  /** What the apps and the person see of the keys. */
  const look = async ({ issuer, origin }: Site) => {
    const party = createRelyingParty(
      { issuer, origin },
      { clientId: PAIRWISE, secret, login: 'david', scope: 'openid read' },
    )
    const subject = String(claimsOf((await party.obtainTokens()).id_token)['sub'])
    const assertion = await signAs(macKey(macSecret), assertionClaims({ issuer, now: Date.now }, MAC))
    const asked = { grant_type: 'client_credentials', ...asserting(assertion) }
    return { subject, mac: (await requestToken({ issuer }, asked)).status }
  }
  return {
    site,
    async isWhole(at, why, during) {
      const server = await serve(t, at)
      for (const step of [undefined, ...(during ? [during] : [])]) {
        await step?.()
        const { subject, mac } = await look(at)
        subjects.add(subject)
        t.strictSame([subjects.size, mac], [1, 200], why)
      }
      server.kill('SIGTERM')
      await server.ended()
      const { checks } = JSON.parse((await at.tessera(words('db check --json'))).stdout) as {
        checks: { name: string; passed: boolean }[]
      }
      // A test server of PostgreSQL is quick rather than durable.
      const unsound = checks.filter(({ passed, name }) => !passed && name !== 'durability')
      t.strictSame(unsound, [], why)
    },
  }
}

await t.test(
  'an instance with another master key is backed up, restored and moved with both keys at hand',
  async (t) => {
    const { site, isWhole } = await inhabited(t)
    const [before, after] = ['before.db', 'after.db'].map((name) => join(site.folder, name))
    await isWhole(site, 'as it is')
    await done(site, `db backup ${before}`)
    await done(site, 'key reseal --yes')
    const keys = keysIn(site)
    await done(site, `db backup ${after}`)

    const restored = await elsewhere(t, site, 'restored')
    await done(restored, `db restore ${after}`)
    t.match(
      (await restored.tessera(words('doctor --no-online'))).stdout,
      /ok +master key in force +an earlier key is still/,
    )
    await isWhole(restored, 'a backup of after the change')

    const older = await elsewhere(t, site, 'older')
    await done(older, `db restore ${before}`)
    t.match(
      (await older.tessera(words('doctor --no-online'))).stdout,
      /ok +master key in force +another key is at hand; tessera key reseal puts it in force/,
    )
    await isWhole(older, 'a backup of before the change', async () => {
      t.equal((await done(older, 'key reseal --yes'))['changed'], true, 'and under the new key once more')
    })
    t.strictSame(keysIn(site), keys, 'which is the one that was there')

    const moved = await elsewhere(t, site, 'moved')
    const { code, stderr } = onPostgres
      ? await tesseraWith({ ...site.settings, TESSERA_MOVE_TO: moved.databaseUrl })(words('db move --json'))
      : await site.tessera(['db', 'move', '--to', moved.databaseUrl, '--json'])
    t.equal(code, 0, stderr)
    await isWhole(moved, 'a move')
    await done(moved, 'key forget --yes')
    await isWhole(moved, 'and the new key alone after it')
  },
)

await t.test(
  'with the earlier key forgotten, what was made under the new one is good, and the rest needs a copy',
  async (t) => {
    const { site, isWhole } = await inhabited(t)
    const [before, after] = ['before.db', 'after.db'].map((name) => join(site.folder, name))
    await isWhole(site, 'as it is')
    await done(site, `db backup ${before}`)
    await done(site, 'key reseal --yes')
    const [earlier, present] = keysIn(site)
    await done(site, 'key forget --yes')
    await done(site, `db backup ${after}`)

    const restored = await elsewhere(t, site, 'restored')
    await done(restored, `db restore ${after}`)
    await isWhole(restored, 'a backup of after the change')

    const older = await elsewhere(t, site, 'older')
    const refused = await older.tessera(['db', 'restore', String(before)])
    t.equal(refused.code, 1)
    t.match(refused.stderr, /^the backup was made under another master key, .*; add it to the keys at hand first/)
    if (!onPostgres) t.notOk(existsSync(older.databaseUrl.slice('file:'.length)), 'nothing is made')
    hold(site, [present, earlier])
    await done(older, `db restore ${before}`)
    t.equal((await older.tessera(words('key list'))).code, 0, 'with a copy of the earlier key')
    hold(site, [present])
    const locked = await older.tessera(words('key list'))
    t.equal(locked.code, 1)
    t.match(locked.stderr, 'this is not the master key that this database was created with')
    hold(site, [earlier])
    await isWhole(older, 'under the earlier key, which is the one in force there')
    hold(site, [present])

    const moved = await elsewhere(t, site, 'moved')
    const { code, stderr } = onPostgres
      ? await tesseraWith({ ...site.settings, TESSERA_MOVE_TO: moved.databaseUrl })(words('db move --json'))
      : await site.tessera(['db', 'move', '--to', moved.databaseUrl, '--json'])
    t.equal(code, 0, stderr)
    t.equal((await site.tessera(words('db move --undo --yes'))).code, 0)
    await isWhole(site, 'and back')
  },
)
