import { request as httpRequest } from 'node:http'
import t from 'tap'
import { startAdminApi } from '../../fixtures/admin/admin.ts'
import { noteSecret } from '../../fixtures/answers/secrets.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { type Instance, PASSWORD } from '../../fixtures/instance/instance.ts'
import { enableUser, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser, type View } from '../../fixtures/sign-in/browser.ts'
import { atSignIn, isPastSignIn } from '../../fixtures/sign-in/sign-in.ts'
import { alter, query } from '../../fixtures/store/database.ts'

const WRONG = 'a wrong password of nobody'

/** An answer as somebody who guesses sees it: without the links, the token and the id that are new each time, and the name they sent. */
function seenByGuesser({ status, headers, text, page }: View, username: string) {
  const own = [
    page.querySelector('form')?.getAttribute('action')?.replaceAll('&', '&amp;'),
    ...page
      .querySelectorAll('.languages a')
      .map((link) => link.getAttribute('href')?.match(/^\?interaction=([\w-]+)/)?.[1]),
    page.querySelector('input[name=csrf]')?.getAttribute('value'),
    page.querySelector('#refusal-id')?.text,
    `value="${username}"`,
  ]
  const rest = own.reduce<string>((left, part) => left.replaceAll(part ?? '', ''), text)
  return {
    status,
    headers: [...headers].filter(([name]) => !['date', 'content-length'].includes(name)),
    text: rest,
  }
}

/** Signs in once in a browser of its own. */
async function tryOnce(instance: Instance, username: string, password: string): Promise<View> {
  return (await atSignIn(instance)).enter(username, password)
}

/** Asks for a path exactly as it is written, which `fetch` would tidy. */
const rawGet = (instance: Instance, path: string) =>
  new Promise<{ status: number | undefined; location: string | undefined }>((resolve, reject) => {
    const { port, hostname } = new URL(instance.origin)
    httpRequest({ port, hostname, path }, (answer) => {
      answer.resume()
      resolve({ status: answer.statusCode, location: answer.headers.location })
    })
      .on('error', reject)
      .end()
  })

/** A text of so many characters that repeats nothing. */
const longText = (length: number): string =>
  Array.from({ length }, (_, at) => String.fromCharCode(33 + ((at * 37 + ((at * at) % 41)) % 90))).join('')

/** A password, and what must not pass for it. */
const PASSWORDS: readonly (readonly [name: string, password: string, others: readonly string[]])[] = [
  ['64 characters', longText(64), [longText(63), longText(65)]],
  ['256 characters', longText(256), [longText(72), longText(255), longText(64)]],
  ['1,024 characters', longText(1024), [longText(1023), longText(256), longText(1025)]],
  ['spaces around', '  with spaces around ', ['with spaces around', ' with spaces around ', '  with spaces around']],
  ['a NUL inside', 'before\0after it', ['before', 'before\0', 'before\0after', 'beforeafter it']],
  ['an emoji', 'to smile 😀 is easy', ['to smile 😁 is easy', 'to smile  is easy', 'to smile \ufffd is easy']],
  [
    'upper and lower case',
    'Mixed CASE of Words',
    ['mixed case of words', 'MIXED CASE OF WORDS', 'mIXED case OF wORDS'],
  ],
]

// What other products let a link or a form say about where to go next.
const REDIRECTORS = [
  ...['referrer_uri', 'continue', 'next', 'return_to', 'returnUrl', 'ReturnUrl', 'redirect', 'redirect_url', 'rd'],
  ...['url', 'target', 'goto', 'service', 'RelayState', 'callback', 'destination', 'backUrl', 'error_uri'],
]
const EVIL = 'https://evil.test/x'

await attackGroup(t, 'G. Sign-in: what is entered, and what is told', async ({ instance, david, attack }) => {
  noteSecret(PASSWORD)
  const { enter: enterDora } = await atSignIn(instance)
  const disabled = await instance.addUser({ login: 'dora' })
  await enableUser(instance, disabled, false)
  await instance.addUser({ login: 'paul' })
  await alter(instance, "update users set password_hash = null where login = 'paul'")
  await instance.addUser({ login: 'eve', email: 'eve@example.com', emailVerified: false })
  await instance.addUser({ login: 'lena', email: 'lena@example.com', emailVerified: true })
  const { enter: enterLena } = await atSignIn(instance)
  for (let turn = 0; turn < 10; turn++) await enterLena('lena@example.com', WRONG)

  const wrong = seenByGuesser(await tryOnce(instance, 'nobody-here', WRONG), 'nobody-here')
  for (const [name, username, password] of [
    ['another unknown name', 'x', PASSWORD],
    ['a wrong password', 'david', WRONG],
    ['a password of 1,025 characters', 'david', longText(1025)],
    ['the same for an unknown name', 'nobody-there', longText(1025)],
    ['disabled, the right password', 'dora', PASSWORD],
    ['disabled, a wrong one', 'dora', WRONG],
    ['no password is set', 'paul', PASSWORD],
    ['a System User', 'svc.sync', PASSWORD],
    ['an e-mail nobody has verified', 'eve@example.com', WRONG],
    ['locked through another of its names, the right password', 'lena', PASSWORD],
    ['locked through another of its names, a wrong one', 'lena', WRONG],
  ] as const)
    await attack('LG-09', name, async (t) => {
      t.equal(wrong.status, 401)
      t.strictSame(seenByGuesser(await tryOnce(instance, username, password), username), wrong)
    })

  const { enter } = await atSignIn(instance)
  for (let turn = 0; turn < 10; turn++) await enter('nobody-locked', WRONG)
  const locked = seenByGuesser(await tryOnce(instance, 'nobody-locked', WRONG), 'nobody-locked')
  for (let turn = 0; turn < 10; turn++) await enterDora('dora', WRONG)
  for (let turn = 0; turn < 10; turn++) await enterLena('lena', WRONG)
  for (const [name, username] of [
    ['a name that is locked is told so, whoever it belongs to', 'lena'],
    ['and also when it is disabled', 'dora'],
  ] as const)
    await attack('LG-09', name, async (t) => {
      t.equal(locked.status, 429)
      t.strictSame(seenByGuesser(await tryOnce(instance, username, PASSWORD), username), locked)
    })

  const api = await startAdminApi(instance)
  for (const [at, [name, password, others]] of PASSWORDS.entries())
    await attack(
      'LG-11',
      name,
      async (t) => {
        noteSecret(password)
        const login = `keeper-${at}`
        t.equal((await api.post('/users', { login, type: 'InternalUser', password })).status, 201)
        for (const other of others) {
          const view = await tryOnce(instance, login, other)
          t.strictSame([view.status, isPastSignIn(view)], [401, false], `not ${JSON.stringify(other.slice(0, 30))}`)
        }
        t.ok(isPastSignIn(await tryOnce(instance, login, password)))
      },
      { changes: true },
    )
  for (const [name, password, status = 401] of [
    ['1,025 characters', longText(1025)],
    ['4,096 characters', longText(4096)],
    ['4,097 characters', longText(4097), 400],
    ['1,025 characters of two units each', '😀'.repeat(1025)],
  ] as const)
    for (const username of ['david', 'nobody-at-all'])
      await attack(
        'LG-11',
        `${name}, as ${username}: refused before it is counted, and so before it is hashed`,
        async (t) => {
          const counted = () => query(instance, 'select * from sign_in_attempts order by key')
          const before = await counted()
          t.equal((await tryOnce(instance, username, password)).status, status)
          t.strictSame(await counted(), before)
        },
      )
  await attack('LG-11', 'no password of 1,025 characters can be set', async (t) => {
    const { json, status } = await api.put(`/users/${david.id}/password`, { password: longText(1025) })
    t.equal(status, 422, JSON.stringify(json))
  })

  const everywhere = new URLSearchParams(REDIRECTORS.map((name): [string, string] => [name, EVIL]))
  const leadsAstray = (view: View): boolean =>
    /evil\.test/.test([view.text, view.leftTo?.href, view.headers.get('location'), view.headers.get('refresh')].join())
  for (const [name, url] of [
    ['the sign-in page', authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })],
    ['an authorization request without an app', `${instance.issuer}/connect/authorize?x=1`],
    ['a sign-in page without a request', `${instance.issuer}/login?x=1`],
    ['a consent page without a request', `${instance.issuer}/consent?x=1`],
    ['signing out', `${instance.issuer}/connect/endsession?x=1`],
    ['signed out', `${instance.issuer}/logout/signed-out?x=1`],
    ['an error', `${instance.issuer}/error?x=1`],
    ['nothing there', `${instance.issuer}/nothing?x=1`],
  ] as const)
    await attack(
      'LG-19',
      `${name}, with every name of a redirector`,
      async (t) => {
        const view = await createBrowser(instance.origin).open(`${url}&${everywhere}`)
        t.notOk(leadsAstray(view))
      },
      { unrefused: true },
    )
  await attack(
    'LG-19',
    'the form of the sign-in page, with all of them in its fields and its address',
    async (t) => {
      const { browser, action, csrf, post } = await atSignIn(instance)
      const fields = new URLSearchParams([...everywhere, ['csrf', csrf], ['username', 'david'], ['password', PASSWORD]])
      const answer = await browser.request(`${action}&${everywhere}`, { ...post('', ''), body: fields.toString() })
      t.equal(answer.status, 303)
      const { origin, pathname, searchParams } = new URL(answer.headers.get('location') ?? '')
      t.strictSame(
        [origin, pathname, [...searchParams.keys()]],
        [instance.origin, '/id/connect/authorize/continue', ['interaction']],
      )
    },
    { changes: true, unrefused: true },
  )
  for (const path of [
    '//evil.test',
    '//evil.test/%2e%2e',
    '//evil.test/%2f..',
    '/\\evil.test',
    '/id//evil.test/',
    '/id/login//evil.test/%2e%2e',
    '/id/%5cevil.test',
    '/%0d%0aLocation:%20https://evil.test',
  ])
    await attack('LG-19', `the path ${path}`, async (t) => {
      const { status, location } = await rawGet(instance, path)
      t.strictSame([status, location], [404, undefined])
    })
})

const NO_MAIL = 'there is no mail: an administrator sets a new password'
await t.test('LG-20: a reset is asked for', { todo: NO_MAIL }, () => undefined)
await t.test('LG-21: the token of a reset', { todo: NO_MAIL }, () => undefined)
await t.test('LG-28: names in mails', { todo: `${NO_MAIL}; names on pages are AD-08 and CS-09` }, () => undefined)
