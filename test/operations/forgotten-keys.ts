import fs, { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { settingsOf, tesseraOn, tesseraProcess, words } from '../fixtures/cli/cli.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { atSignIn } from '../fixtures/sign-in/sign-in.ts'

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
