import { hash } from '@node-rs/argon2'
import t from 'tap'
import { createPasswords } from '../../src/lib/crypto/passwords.ts'
import { logHoldsNoSecret } from '../fixtures/answers/refusals.ts'
import { noteSecret } from '../fixtures/answers/secrets.ts'
import { documentOf, tesseraOn } from '../fixtures/cli/cli.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { atSignIn, isPastSignIn } from '../fixtures/sign-in/sign-in.ts'
import { query } from '../fixtures/store/database.ts'

const CHEAP = { memoryCost: 8, timeCost: 1, parallelism: 1 }
const own = createPasswords(CHEAP)
let checked = 0
/** The passwords of the instance, counting how many digests a sign-in takes. */
const passwords = createPasswords(CHEAP, { atOnce: 2, queue: 64 }, () => {
  checked += 1
})
const { instance } = await startWorld(t, {}, { passwords })
const tessera = tesseraOn(instance)

const setPassword = (login: string, password: string) =>
  tessera(['user', 'set-password', login, '--password-stdin'], `${password}\n`)
const add = (login: string, passwordHash: string) =>
  documentOf(tessera(['apply', '-', '--json'], JSON.stringify({ users: [{ login, passwordHash }] })))
const hashOf = async (login: string): Promise<string | undefined> =>
  (await query<{ password_hash: string }>(instance, 'select password_hash from users where login = ?', login))[0]
    ?.password_hash
async function signsIn(login: string, password: string): Promise<boolean> {
  noteSecret(password)
  return isPastSignIn(await (await atSignIn(instance, createBrowser(instance.origin))).enter(login, password))
}

await t.test('a password has as many characters as code points once it is normalised', async (t) => {
  const short = /at least 8 characters/
  for (const password of ['😀🐎🔋🖇🌵🥝🧲', 'e\u0301\u00e9xkqzv', 'ｋｑ７ｘｚ４ｗ', '🏳️‍🌈🦩'])
    t.match((await setPassword('david', password)).stderr, short, password)
  for (const password of ['😀🐎🔋🖇🌵🥝🧲🎻', '\ufb03kqzvwx', '각곡쿡뷁쒧돐놔툶'.normalize('NFD')]) {
    t.equal((await setPassword('david', password)).code, 0, password)
    t.ok(await signsIn('david', password))
  }
  const horses = '🐎🔋'.repeat(2) + 'x'.repeat(1020)
  t.equal((await setPassword('david', horses)).code, 0, '1,024 of them')
  t.ok(await signsIn('david', horses))
  t.match((await setPassword('david', `${horses}y`)).stderr, /at most 1024 characters/)
  t.notOk(await signsIn('david', `${horses}y`))
})

await t.test('and passwords that are guessed first are told by their characters, too', async (t) => {
  for (const password of [
    'password🔋🔋🔋🔋',
    '🐎🔋🧲'.repeat(4),
    'ｐａｓｓｗｏｒｄ１',
    'pass\u3000word 1'.replace(/\s/g, ''),
  ])
    t.match((await setPassword('david', password)).stderr, /most common passwords/, password)
})

await t.test('spaces of other scripts and full-width letters are those of NFKC', async (t) => {
  await setPassword('anna', 'correct horse battery 42')
  for (const typed of [
    'correct\u00a0horse\u3000battery\u200242',
    'correct\u1680horse battery 42',
    'ｃｏｒｒｅｃｔ　ｈｏｒｓｅ　ｂａｔｔｅｒｙ　４２',
    'correct horse ba\u{1d42d}tery 42',
  ])
    t.ok(await signsIn('anna', typed), typed)
  for (const typed of ['correct horse  battery 42', 'Correct horse battery 42', 'correcthorsebattery42'])
    t.notOk(await signsIn('anna', typed), typed)
})

await t.test('an imported hash was made of what was typed, and is made anew by the first sign-in', async (t) => {
  const typed = 'cafe\u0301 au\u00a0lait \ufb01ne'
  for (const [login, hashed] of [
    ['as.typed', typed],
    ['composed', typed.normalize('NFC')],
    ['ours', typed.normalize('NFKC')],
  ] as const) {
    const before = await hash(hashed, { ...CHEAP, outputLen: 32 })
    await add(login, before)
    t.notOk(await signsIn(login, `${typed}!`))
    t.equal(await hashOf(login), before, 'a wrong password changes nothing')
    t.ok(await signsIn(login, typed), login)
    const after = await hashOf(login)
    t.equal(after === before, login === 'ours', 'what was hashed otherwise is hashed anew')
    t.ok(await signsIn(login, typed.normalize('NFKC')), 'so that it may be typed in every spelling')
    t.equal(await hashOf(login), after, 'once')
  }
  logHoldsNoSecret(t, instance)
})

await t.test('a sign-in takes as many digests as its password has spellings, whoever it is for', async (t) => {
  await add('imported', await hash('cafe\u0301 au\u00a0lait', { ...CHEAP, outputLen: 32 }))
  await setPassword('david', 'caf\u00e9 au lait')
  const takes = async (login: string, password: string) => {
    checked = 0
    await signsIn(login, password)
    return checked
  }
  for (const login of ['david', 'imported', 'nobody.at.all', 'svc.sync']) {
    t.equal(await takes(login, 'nothing odd in it'), 1, login)
    t.equal(await takes(login, 'na\u00efve and wrong'), 1, login)
    t.equal(await takes(login, 'wrong\u00a0by a space'), 2, login)
    t.equal(await takes(login, 'wronge\u0301\u00a0twice'), 3, login)
  }
  await tessera(['user', 'disable', 'david'])
  t.equal(await takes('david', 'cafe\u0301 au\u00a0lait'), 3, 'nor by being right where the account is disabled')
  t.equal((await own.verify(await own.hash('x\u00a0y'), 'x y')).isCurrent, true)
})
