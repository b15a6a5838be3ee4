import fs, { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { firstLastingKeys } from '../../src/lib/crypto/lasting-keys.ts'
import { type MasterKey, newMasterKey } from '../../src/lib/crypto/master-key.ts'
import { deriveKey, open, sealRow } from '../../src/lib/crypto/sealed-box.ts'
import { forgetOthers } from '../../src/operations/master-key/forget.ts'
import { reseal } from '../../src/operations/master-key/reseal.ts'
import { loadSqlite } from '../../src/store/engine/sqlite-library.ts'
import { settingsOf, tesseraOn, tesseraProcess, tesseraWith, words } from '../fixtures/cli/cli.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'
import { prepareSite } from '../fixtures/instance/server-process.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { atSignIn } from '../fixtures/sign-in/sign-in.ts'
import { query } from '../fixtures/store/database.ts'

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trim().split('\n')

await t.test('a server that nobody asked meanwhile does not believe in a forgotten key, either', async (t) => {
  const { instance } = await startWorld(t)
  const tessera = tesseraOn(instance)
  const { browser, action } = await atSignIn(instance)
  t.equal((await browser.open(action)).status, 200, 'what is sealed under the first key')
  t.equal((await tessera(words('key reseal --yes'))).code, 0)
  t.equal((await tessera(words('key forget --yes'))).code, 0)
  t.equal(linesOf(join(instance.folder, 'master.key')).length, 1)
  const page = await eventually(
    () => browser.open(action),
    ({ status }) => status !== 200,
  )
  t.equal(page.status, 400)
  t.equal((await (await atSignIn(instance)).page).status, 200)
})

await t.test('a server that could not read the file of the keys for a moment reads it later', async (t) => {
  const { instance } = await startWorld(t)
  const file = join(instance.folder, 'master.key')
  const ready = async (): Promise<number> => (await fetch(`${instance.origin}/health/ready`)).status
  t.equal(await ready(), 200)
  const readable = outOfDescriptors(file)
  t.teardown(readable)
  t.equal((await tesseraProcess(settingsOf(instance))(words('key reseal --yes'))).code, 0)
  t.equal(await eventually(ready, (status) => status === 503), 503)
  readable()
  t.equal(await eventually(ready, (status) => status === 200), 200)
})

/** Nothing in this process can read a file, until the function that comes back is called. */
function outOfDescriptors(file: string): () => void {
  const { readFileSync: read } = fs
  fs.readFileSync = ((path: string, ...more: []) => {
    if (path === file) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    return read(path, ...more)
  }) as typeof read
  syncBuiltinESMExports()
  return () => {
    fs.readFileSync = read
    syncBuiltinESMExports()
  }
}

const Sqlite = loadSqlite()
const MAC = 'my.trusted.app/mac'
const REGISTER_MAC = `app register ${MAC} --service --system-user svc.sync --scope read --set TokenEndpointAuthMethod=client_secret_jwt --json`

interface Sealed {
  readonly id: string
  readonly box: string
}

const signingKeysOf = (instance: Instance) =>
  query<Sealed>(instance, 'select kid as id, sealed_private_jwk as box from signing_keys')

const sealingKey = (text: string) => deriveKey(Buffer.from(text, 'base64'), 'signing-keys')

function altered(file: string, sql: string): void {
  const database = new Sqlite(file)
  database.exec(sql)
  database.close()
}

/** How many signing keys open under any of these master keys. */
async function openUnder(instance: Instance, texts: readonly string[]): Promise<number> {
  const keys = texts.map(sealingKey)
  return (await signingKeysOf(instance)).filter(({ id, box }) => keys.some((key) => open(key, box, id) !== undefined))
    .length
}

await t.test('a key that is taken out while a batch waits for its turn seals nothing', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const { store, masterKeys } = instance.core
  const [inForce] = masterKeys.all() as [MasterKey]
  const target = newMasterKey()
  let kept = true
  const resealing = reseal({
    read: store.read,
    writeAlone: (unit) => {
      kept = false
      return store.writeAlone(unit)
    },
    keys: [inForce, target],
    target,
    lastingKeys: firstLastingKeys(inForce.bytes),
    report: () => undefined,
    requireKept: () => {
      if (!kept) throw new Error('the new key was taken out')
    },
    record: async () => undefined,
  })
  await t.rejects(resealing, /the new key was taken out/)
  t.equal(await openUnder(instance, [target.text]), 0)
})

await t.test('a key under which a batch was sealed at the last moment is not forgotten', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const { store, masterKeys } = instance.core
  const [inForce] = masterKeys.all() as [MasterKey]
  const target = newMasterKey()
  const [row] = await signingKeysOf(instance)
  const { id = '', box = '' } = row ?? {}
  const text = open(sealingKey(inForce.text), box, id) ?? ''
  let isKeptAlone = false
  const forgetting = forgetOthers({
    writeAlone: async (unit) => {
      const fresh = sealRow(sealingKey(target.text), text, id)
      await store.writeAlone(({ sealedRows }) => sealedRows.replace('signing_keys', { id, box }, fresh))
      return store.writeAlone(unit)
    },
    masterKeys,
    keepAlone: () => {
      isKeptAlone = true
    },
    record: async () => undefined,
  })
  await t.rejects(forgetting, /^1 row is not sealed under the key in force/)
  t.equal(isKeptAlone, false)
})

await t.test('commands that know nothing of each other, as in two containers, lose no key', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const tessera = tesseraOn(instance)
  const file = join(instance.folder, 'master.key')
  const { length } = await signingKeysOf(instance)
  // Each of them takes this for what it left itself, when it was killed.
  writeFileSync(`${file}.lock`, String(process.pid))
  t.equal((await tessera(words('key reseal --yes'))).code, 0)
  for (let turn = 0; turn < 3; turn++) {
    const lines = ['key reseal --yes', 'key forget --yes', 'key reseal --yes', 'key forget --yes']
    await Promise.all(lines.map((line) => tessera(words(line))))
    t.equal(await openUnder(instance, linesOf(file)), length)
  }
  t.equal((await tessera(words('key reseal --yes'))).code, 0)
  t.equal((await tessera(words('key forget --yes'))).code, 0)
  t.equal(await openUnder(instance, linesOf(file)), length)
})

await t.test('a backup made in the middle of a change needs both keys', async (t) => {
  const site = await prepareSite(t)
  const file = join(site.folder, 'backup.db')
  const keys = join(site.folder, 'master.key')
  const [first = ''] = linesOf(keys)
  const next = newMasterKey()
  t.equal((await site.tessera(['db', 'backup', file])).code, 0)
  const backup = new Sqlite(file)
  const [row] = backup.prepare('select kid as id, sealed_private_jwk as box from signing_keys').all() as [Sealed]
  const fresh = sealRow(sealingKey(next.text), open(sealingKey(first), row.box, row.id) ?? '', row.id)
  backup.prepare('update signing_keys set sealed_private_jwk = ? where kid = ?').run(fresh, row.id)
  backup.close()
  const to = { ...site.settings, TESSERA_DATABASE_URL: `file:${join(site.folder, 'new', 'tessera.db')}` }
  const refused = await tesseraWith(to)(['db', 'restore', file])
  t.strictSame([refused.code, refused.stdout], [1, ''])
  t.match(refused.stderr, /^1 signing keys of the backup open under no master key at hand: .* it needs both keys; add/)
  t.notOk(existsSync(join(site.folder, 'new', 'tessera.db')))
  writeFileSync(keys, `${first}\n${next.text}\n`)
  const restored = await tesseraWith(to)(['db', 'restore', file, '--json'])
  t.strictSame([restored.code, JSON.parse(restored.stdout).secretsWithoutKey], [0, 0])
  t.notMatch(restored.stderr, 'open under no master key')
  const later = { ...site.settings, TESSERA_DATABASE_URL: `file:${join(site.folder, 'later', 'tessera.db')}` }
  t.equal((await site.tessera(words('user add svc.sync --type SystemUserNoLogin'))).code, 0)
  t.equal((await site.tessera(words(REGISTER_MAC))).code, 0)
  const other = join(site.folder, 'later.db')
  t.equal((await site.tessera(['db', 'backup', other])).code, 0)
  altered(other, `update app_secrets set sealed_secret = 'lost'`)
  const lacking = await tesseraWith(later)(['db', 'restore', other, '--json'])
  t.strictSame([lacking.code, JSON.parse(lacking.stdout).secretsWithoutKey], [0, 1])
  t.match(lacking.stderr, /^1 app secrets open under no master key at hand/m)
  const resealed = await tesseraWith(to)(['key', 'reseal', '--json'])
  t.match(resealed, { code: 0, stdout: /"changed": true/ })
  t.match(resealed.stderr, `Back up ${keys} now`, 'as after a run that was interrupted')
})
