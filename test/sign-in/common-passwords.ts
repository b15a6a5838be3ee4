// SQLite alone: is about passwords and their digests, which the store only keeps
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'
import { whyBadPassword } from '../../src/domain/users/user.ts'
import { isListedPassword } from '../../src/lib/files/listed-passwords.ts'
import { startWithTessera, words } from '../fixtures/cli/cli.ts'

const LIST = createRequire(import.meta.url).resolve('@zxcvbn-ts/language-common/src/passwords.json')
const COMMON = 'is one of the most common passwords, which are guessed first; use a few random words'

await t.test('ASVS 6.2.4: the passwords that are guessed first are refused', async (t) => {
  const listed = `password password1 password123 Password1! P@ssw0rd p@$$w0rd Passw0rd123 12345678 123456789 1234567890 0123456789
    87654321 11111111 00000000 88888888 12341234 123123123 abcabcabc abcd1234 abc12345 abcdefgh qwerty123 qwertyuiop qwertz123
    1q2w3e4r 1qaz2wsx zaq12wsx q1w2e3r4t5 asdfghjkl zxcvbnm123 qazwsxedc !@#$%^&* iloveyou iloveyou1 sunshine princess football1 baseball
    superman letmein1 welcome1 Welcome123! Willkommen1 trustno1 dragon123 monkey123 master123 admin123 admin1234 administrator root1234
    changeme changeme1 Summer2025 Summer2026! Sommer2026 winter2024! starwars whatever michael1 jennifer michelle1 jessica1 liverpool
    chelsea1 barcelona computer internet samsung1 test1234 testtest passpass qweqweqwe tessera1 secret123 24121999 1999-12-24 12/24/1999
    пароль123 парола12 contraseña dr4g0n123 m0nkey12 aaaaaaaa abababab`
  for (const password of listed.split(/\s+/)) t.equal(whyBadPassword(password, isListedPassword), COMMON, password)
})

await t.test('there are far more than 3,000 of them', async (t) => {
  const bases = [
    'password',
    'dragon',
    'sunshine',
    'football',
    'princess',
    'welcome',
    'monkey',
    'shadow',
    'master',
    'michael',
  ]
  const digits = Array.from({ length: 400 }, (_, index) => String(index).padStart(2, '0'))
  const refused = bases
    .flatMap((base) => digits.map((added) => `${base}${added}`))
    .filter((password) => whyBadPassword(password, isListedPassword))
  t.equal(refused.length, 4000)
})

await t.test('neither is any that has leaked most often, however it is written', async (t) => {
  const listed = JSON.parse(readFileSync(LIST, 'utf8')) as string[]
  const long = listed.filter((password) => password.length >= 8)
  t.ok(long.length > 17_000)
  for (const password of long.filter((_, at) => at % 40 === 0))
    t.equal(whyBadPassword(password, isListedPassword), COMMON, password)
  for (const password of ['agbdlcid', 'AgBdLcId', 'ａｇｂｄｌｃｉｄ'])
    t.equal(whyBadPassword(password, isListedPassword), COMMON)
})

await t.test('being on the list takes a whole password', async (t) => {
  for (const text of ['password","', '123456","password', '","', '["123456', '\\"'])
    t.notOk(isListedPassword(text), text)
})

await t.test('others are not', async (t) => {
  for (const password of [
    'correct horse battery staple',
    'correcthorse',
    'kT9#vLq2mZ',
    'xkcd-936-comic',
    'my dog ate 3 shoes',
    'password manager of mine',
    '839201746553',
    'любимата ми книга',
    'Gm8d-w2Lx-91pq',
    'tr0ub4dor&3x',
    '        x       y',
  ])
    t.equal(whyBadPassword(password, isListedPassword), undefined, password)
})

await t.test('the command line says so', async (t) => {
  const { tessera } = await startWithTessera(t)
  const added = await tessera(words('user add david --password-stdin'), 'Password123!\n')
  t.not(added.code, 0)
  t.match(added.stderr, `password: ${COMMON}`)
})
