import type { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import * as foldedNames from '../../db/migrations/0018-folded-names.ts'
import { openPlace } from '../../src/store/transfer/place.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn } from '../fixtures/cli/cli.ts'
import { type Instance, PASSWORD } from '../fixtures/instance/instance.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { atSignIn, isPastSignIn } from '../fixtures/sign-in/sign-in.ts'
import { alter, query } from '../fixtures/store/database.ts'

const SPELLINGS = [
  ['Groß', 'GROẞ', 'gross', 'GROSS', 'Grosſ', 'grOẞ', 'ｇｒｏｓｓ'],
  ['İlker', 'ilker', 'ILKER', 'ılker', 'i\u0307lker', 'I\u0307LKER'],
  ['ΟΔΥΣΣΕΥΣ', 'οδυσσευς', 'οδυσσευσ', 'Οδυσσεύς'.normalize('NFD').replace('\u0301', '')],
  ['ẞtraßſe@example.com', 'sstrasse'.replace('e', 'se@example.com'), 'SSTRASSSE@EXAMPLE.COM'],
] as const

const { instance } = await startWorld(t)
const tessera = tesseraOn(instance)
const idOf = async (name: string): Promise<string | undefined> => {
  const { stdout } = await tessera(['user', 'show', name, '--json'])
  return stdout === '' ? undefined : (JSON.parse(stdout) as { id: string }).id
}
const signsIn = async (at: Instance, name: string): Promise<boolean> =>
  isPastSignIn(await (await atSignIn(at, createBrowser(at.origin))).enter(name, PASSWORD))

await t.test('a login leads to one account in every case and form, those of German and Turkish too', async (t) => {
  for (const [login, ...others] of SPELLINGS) {
    const { id } = await instance.addUser({ login })
    t.ok(await signsIn(instance, others[0]), others[0])
    for (const name of [login, ...others]) {
      t.equal(await idOf(name), id, name)
      const again = await tessera(['user', 'add', name])
      t.match(again, { code: 1, stderr: /is taken/ }, `${name} is taken`)
    }
    const files = JSON.stringify({ users: others.map((name) => ({ login: name })) })
    t.not((await tessera(['plan', '-'], files)).code, 0, 'and of a file two of them are one record')
  }
})

/** Has the names of an account stand in the database as versions before this one left them, and this version come to it. */
async function asBefore(names: Readonly<Record<string, string>>): Promise<void> {
  for (const [present, former] of Object.entries(names))
    await alter(instance, `update user_identifiers set identifier = '${former}' where identifier = '${present}'`)
  // Later migrations would not run twice, so that this one runs by itself.
  const place = openPlace(instance.databaseUrl, 'write')
  await foldedNames.up(place.db as unknown as Kysely<unknown>)
  await place.close()
  t.equal((await tessera(['db', 'migrate'])).code, 0)
}

const namesOf = async (login: string): Promise<string[]> =>
  (
    await query<{ identifier: string }>(
      instance,
      'select identifier from user_identifiers join users on user_id = id where login = ? order by identifier',
      login,
    )
  ).map(({ identifier }) => identifier)

await t.test('an account of before is found by all spellings once the database is up to date', async (t) => {
  const { id } = await instance.addUser({ login: 'WEIẞ', email: 'weiẞ@example.com' })
  await asBefore({ weiss: 'weiß', 'weiss@example.com': 'weiß@example.com' })
  t.strictSame(await namesOf('WEIẞ'), ['weiss', 'weiss@example.com'])
  t.equal(await idOf('weiss'), id)
})

/** Two accounts whose logins and e-mails have become one spelling. */
async function twoAlike(t: Test): Promise<{ one: string; other: string }> {
  const { id: other } = await instance.addUser({ login: 'meissner', email: 'post@meissner.example' })
  const { id: one } = await instance.core.store.write(({ users }) =>
    users.add({ login: 'before', type: 'InternalUser' }, undefined, instance.now()),
  )
  await alter(instance, `update users set login = 'MEIẞNER' where id = '${one}'`)
  await asBefore({ before: 'meißner' })
  t.strictSame(await namesOf('MEIẞNER'), ['meißner'])
  return { one, other }
}

await t.test('of two accounts whose logins have become one spelling none is lost', async (t) => {
  const { one, other } = await twoAlike(t)
  const both = async () => {
    t.strictSame([await idOf('MEIẞNER'), await idOf('Meiẞner')], [one, one], 'each is found by its own spelling')
    for (const name of ['meissner', 'MEISSNER', 'meißner']) t.equal(await idOf(name), other, name)
  }
  await both()
  t.equal((await tessera(['user', 'update', 'MEIẞNER', '--email', 'm@example.com'])).code, 0)
  await both()
  const file = JSON.stringify({ users: [{ login: 'MEIẞNER', name: 'Max Meißner', email: 'max@example.com' }] })
  t.equal((await tessera(['apply', '-'], file)).code, 0)
  t.strictSame(await namesOf('MEIẞNER'), ['max@example.com', 'meißner'])
  await both()
  t.match((await tessera(['db', 'check'])).stdout, /passed +identifiers/)
  for (const name of ['MEIẞNER', 'meissner'])
    t.match(await tessera(['user', 'add', name]), { code: 1, stderr: /is taken/ }, 'nobody else gets the name')

  const { findings } = (await documentOf(tessera(['doctor', '--no-online', '--json']))) as {
    findings: readonly { check: string }[]
  }
  matchesWhole(
    t,
    findings.filter(({ check }) => check === 'names'),
    [
      {
        severity: 'warning',
        found: /^MEIẞNER is spelled like a name of meissner/,
        fix: /tessera user remove 'MEIẞNER'$/,
      },
    ],
  )
  t.equal((await tessera(['user', 'remove', 'meissner', '--yes'])).code, 0)
  t.match((await tessera(['db', 'check'])).stdout, /failed +identifiers .* db migrate/)
  t.equal((await tessera(['db', 'migrate'])).code, 0)
  t.strictSame(await namesOf('MEIẞNER'), ['max@example.com', 'meissner'])
  t.match((await tessera(['doctor', '--no-online'])).stdout, /ok +names/)
})
