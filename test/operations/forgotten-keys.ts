import fs, { readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { firstLastingKeys } from '../../src/lib/crypto/lasting-keys.ts'
import { type MasterKey, newMasterKey } from '../../src/lib/crypto/master-key.ts'
import { deriveKey, open, sealRow } from '../../src/lib/crypto/sealed-box.ts'
import { forgetOthers } from '../../src/operations/master-key/forget.ts'
import { reseal } from '../../src/operations/master-key/reseal.ts'
import { settingsOf, tesseraOn, tesseraProcess, words } from '../fixtures/cli/cli.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'
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

const signingKeysOf = (instance: Instance) =>
  query<{ id: string; box: string }>(instance, 'select kid as id, sealed_private_jwk as box from signing_keys')

const sealingKey = (text: string) => deriveKey(Buffer.from(text, 'base64'), 'signing-keys')

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
  await t.rejects(forgetting, /^1 rows are not sealed under the key in force/)
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
