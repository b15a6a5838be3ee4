import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tesseraOn, words } from '../fixtures/cli/cli.ts'
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
