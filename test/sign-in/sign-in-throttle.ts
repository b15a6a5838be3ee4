import t, { type Test } from 'tap'
import { operatorSees } from '../fixtures/answers/refusals.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { answerOf } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../fixtures/clients/endpoints.ts'
import { type Instance, PASSWORD } from '../fixtures/instance/instance.ts'
import { enableUser, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'
import { cleanUpOf } from '../fixtures/store/clean-up.ts'
import { query } from '../fixtures/store/database.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const WRONG = 'a wrong password'

/** A browser at the sign-in page, which may be asked again and again. */
async function atSignIn(instance: Instance, browser = createBrowser(instance.origin)) {
  const parameters = { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'login' }
  const page = await browser.open(authorizeUrl(instance, parameters))
  const enter = (username: string, password: string): Promise<View> =>
    browser.submit(page, 'login-submit', { username, password })
  return { browser, page, enter }
}

/** The status of sign-ins with a wrong password, one after another. */
async function guess(instance: Instance, username: string, times: number, browser?: Browser): Promise<number[]> {
  const { enter } = await atSignIn(instance, browser)
  const statuses = []
  for (let turn = 0; turn < times; turn++) statuses.push((await enter(username, WRONG)).status)
  return statuses
}

const signsIn = async (instance: Instance, username: string, browser?: Browser): Promise<boolean> =>
  (await (await atSignIn(instance, browser)).enter(username, PASSWORD)).status === 200

const failed = (times: number): number[] => Array.from({ length: times }, () => 401)

const events = (instance: Instance, name: string) =>
  instance.log.filter(({ audit }) => (audit as { event?: string } | undefined)?.event === name)

const rows = (instance: Instance) =>
  query<{ key: string; user_id: string | null }>(instance, 'select key, user_id from sign_in_attempts order by key')

await t.test('LG-12: ten failures lock a name, whoever it belongs to, and the lock grows', async (t) => {
  const { instance, david } = await startWorld(t)

  await t.test('1, 2, 4, 8, 15, 15 minutes; the right password does not help meanwhile', async (t) => {
    t.strictSame(await guess(instance, 'david', 11), [...failed(10), 429])
    for (const minutes of [1, 2, 4, 8, 15, 15]) {
      const { enter } = await atSignIn(instance)
      const view = await enter('david', PASSWORD)
      t.equal(view.status, 429)
      t.equal(view.headers.get('retry-after'), String(minutes * 60))
      t.match(view.page.querySelector('#problem')?.text, new RegExp(`Please wait ${minutes} min, then try again`))
      instance.advance(minutes * MINUTE - 1)
      t.equal((await enter('david', PASSWORD)).status, 429, 'to the last moment')
      instance.advance(1)
      t.strictSame(await guess(instance, 'david', 2), [401, 429], 'one attempt, then the next lock')
    }
    instance.advance(15 * MINUTE)
    t.ok(await signsIn(instance, 'david'), 'the lock ends by itself')
    t.strictSame(await guess(instance, 'david', 10), failed(10), 'and a success forgets all of it')
  })

  await t.test('the operator learns of it, the audit log is not filled', async (t) => {
    const [locked] = events(instance, 'sign_in_locked')
    t.match(locked, {
      audit: { user: david.id, outcome: 'failure', detail: { cause: 'too many attempts have failed' } },
    })
    const { enter } = await atSignIn(instance)
    const before = events(instance, 'sign_in_throttled').length
    const views = [await enter('david', WRONG), await enter('david', WRONG)]
    t.equal(events(instance, 'sign_in_throttled').length, before + 1, 'once a minute')
    operatorSees(t, instance, views[0]?.page.querySelector('#refusal-id')?.text ?? '', {
      status: 429,
      error: 'temporarily_unavailable',
      description: 'too many sign-in attempts have failed',
      cause: { rule: 'sign-in-throttled', user: david.id },
    })
  })

  await t.test('after an hour without attempts it begins anew', async (t) => {
    instance.advance(2 * HOUR)
    t.strictSame(await guess(instance, 'david', 11), [...failed(10), 429])
  })
})

await t.test('LG-12: of attempts at once none gets past the limit', async (t) => {
  const { instance } = await startWorld(t)
  const pages = await Promise.all(Array.from({ length: 60 }, () => atSignIn(instance)))
  const views = await Promise.all(pages.map(({ enter }) => enter('david', WRONG)))
  const statuses = views.map(({ status }) => status)
  t.equal(statuses.filter((status) => status === 401).length, 10)
  t.equal(statuses.filter((status) => status === 429).length, 50)
  t.equal(events(instance, 'sign_in_failed').length, 10, 'the others were never checked')
})

await t.test('LG-09: unknown, wrong and disabled count alike and look alike', async (t) => {
  const { instance, carla } = await startWorld(t)
  await enableUser(instance, carla, false)
  const seen = []
  for (const [username, password] of [
    ['nobody-here', WRONG],
    ['david', WRONG],
    ['carla', PASSWORD],
    ['svc.sync', WRONG],
  ] as const) {
    const { enter } = await atSignIn(instance)
    const answers = []
    for (let turn = 0; turn < 11; turn++) {
      const { status, headers, page } = await enter(username, password)
      const cookies = headers.getSetCookie()
      answers.push([status, headers.get('retry-after'), page.querySelector('#problem')?.text, cookies])
    }
    seen.push(answers)
  }
  for (const answers of seen) t.strictSame(answers, seen[0])
  t.strictSame(seen[0]?.at(-1)?.[0], 429)
})

await t.test('every spelling of a name is the same name, and every name of an account the same account', async (t) => {
  const { instance } = await startWorld(t)
  const spellings = ['david', 'DAVID', ' David ', 'ｄａｖｉｄ', 'dAvId']
  for (const spelling of [...spellings, ...spellings]) t.strictSame(await guess(instance, spelling, 1), [401])
  t.strictSame(await guess(instance, 'david', 1), [429])
  const { enter } = await atSignIn(instance)
  const view = await enter('david@example.com', PASSWORD)
  t.equal(view.status, 401, 'whom an e-mail belongs to is not told by its lock')
  operatorSees(t, instance, view.page.querySelector('#refusal-id')?.text ?? '', {
    status: 401,
    error: 'access_denied',
    description: 'the login or password is wrong',
    cause: { rule: 'person-locked' },
  })
  instance.advance(MINUTE)
  t.ok(await signsIn(instance, 'david@example.com'))
  t.ok(await signsIn(instance, 'david'), 'and the success counts for every name')
})

await t.test('NIST SP 800-63B §5.2.2: never more than 100 in a row, however slow', async (t) => {
  const { instance } = await startWorld(t)
  const known = createBrowser(instance.origin)
  t.ok(await signsIn(instance, 'david', known))
  for (let done = 0; done < 100; done += 5) {
    t.strictSame(await guess(instance, 'david', 5), failed(5))
    instance.advance(16 * MINUTE)
    await cleanUpOf(instance).run()
  }
  t.notOk(await signsIn(instance, 'david'), 'the right password is refused now')
  t.strictSame(await guess(instance, 'david', 2), failed(2), 'which looks like a wrong one')
  instance.advance(24 * HOUR)
  t.notOk(await signsIn(instance, 'david'), 'and time does not change it')
  t.ok(await signsIn(instance, 'david', known), 'a known device does')
  t.ok(await signsIn(instance, 'david'), 'for everybody')
})

await t.test('LG-14: strangers lock nobody out of their own device', async (t) => {
  const { instance, anna } = await startWorld(t)
  const own = createBrowser(instance.origin)
  t.ok(await signsIn(instance, 'david', own))
  await guess(instance, 'david', 11)
  const cookie = (await own.jar.getCookies(instance.origin)).find(({ key }) => key === 'tessera-device')
  t.match(cookie, { httpOnly: true, sameSite: 'lax', path: '/', maxAge: 180 * 24 * 3600 })
  t.notMatch(cookie?.value, anna.id)

  await t.test('a cookie of another account, or one that was changed, is no help', async (t) => {
    const annas = createBrowser(instance.origin)
    t.ok(await signsIn(instance, 'anna', annas))
    t.notOk(await signsIn(instance, 'david', annas))
    const forged = createBrowser(instance.origin)
    const otherEnd = cookie?.value.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))
    for (const value of [otherEnd, cookie?.value.replace('.', '.0'), 'x', '~~~~']) {
      await forged.jar.setCookie(`tessera-device=${value}; Path=/`, instance.origin)
      t.notOk(await signsIn(instance, 'david', forged))
    }
  })

  await t.test('the own one is; but guessing on it locks it like any other', async (t) => {
    t.strictSame(await guess(instance, 'david', 1), [429], 'the lock still stands')
    await guess(instance, 'david', 9, own)
    t.ok(await signsIn(instance, 'david', own))
    await guess(instance, 'david', 10)
    t.strictSame(await guess(instance, 'david', 11, own), [...failed(10), 429])
    t.notOk(await signsIn(instance, 'david', own))
  })

  await t.test('a new password ends it, and the lock with it', async (t) => {
    const set = await tesseraOn(instance)(words('user set-password david --password-stdin --json'), PASSWORD)
    t.equal(set.code, 0, set.stderr)
    await guess(instance, 'david', 10)
    t.notOk(await signsIn(instance, 'david', own), 'whoever had the old password has no privilege')
    instance.advance(MINUTE)
    t.ok(await signsIn(instance, 'david'))
  })

  await t.test('two people share a browser', async (t) => {
    const shared = createBrowser(instance.origin)
    for (const login of ['david', 'anna']) t.ok(await signsIn(instance, login, shared))
    for (const login of ['david', 'anna']) {
      await guess(instance, login, 11)
      t.ok(await signsIn(instance, login, shared), login)
    }
  })
})

await t.test('tessera user unlock: at once, audited', async (t) => {
  const { instance, david } = await startWorld(t)
  const tessera = tesseraOn(instance)
  await guess(instance, 'david', 11)
  const document = await documentOf(tessera(words('user unlock DAVID --json')))
  t.strictSame(document, { id: david.id, login: 'david', unlocked: true })
  t.ok(await signsIn(instance, 'david'))
  t.strictSame((await tessera(words('user unlock david'))).stdout, 'david has no failed attempts.\n')
  const audited = await query(instance, "select user_id from audit_events where event = 'user_unlocked'")
  t.strictSame(audited, [{ user_id: david.id }], 'once')
  t.match(await tessera(words('user unlock davit')), { code: 1, stderr: /did you mean david/ })
})

await t.test('LG-15: one network may fail 30 times a minute, a /64 counting as one', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' })
  const { browser, page } = await atSignIn(instance)
  const fields = { csrf: page.page.querySelector('input[name=csrf]')?.getAttribute('value') ?? '' }
  const action = page.page.querySelector('form')?.getAttribute('action') ?? ''
  const from = (address: string, username: string, password = WRONG) =>
    browser.request(action, {
      method: 'POST',
      headers: {
        origin: instance.origin,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
        'x-forwarded-for': address,
      },
      body: new URLSearchParams({ ...fields, username, password }).toString(),
    })

  const statuses = []
  for (let turn = 0; turn < 31; turn++) statuses.push((await from(`2001:db8::${turn}`, `name-${turn}`)).status)
  t.strictSame(statuses, [...failed(30), 429])
  t.equal((await from('2001:db8::fffe', 'nobody', PASSWORD)).status, 429)
  t.equal(events(instance, 'sign_in_throttled').length, 1, 'whichever of its addresses it tries')
  const refused = await from('2001:db8::ffff', 'david', PASSWORD)
  t.equal(refused.status, 429)
  t.equal(refused.headers.get('retry-after'), '60')
  t.equal((await from('2001:db8:0:1::1', 'name-0')).status, 401, 'others are not affected')
  t.equal((await from('192.0.2.1', 'name-0')).status, 401)

  await t.test('LG-16: a header made up by the client is believed no further than the proxy wrote it', async (t) => {
    for (const forged of [
      '10.0.0.1',
      'a',
      '127.0.0.1',
      '::1',
      Array.from({ length: 300 }, () => '10.0.0.1').join(', '),
    ])
      t.equal((await from(`${forged}, 2001:db8::1`, 'somebody')).status, 429, forged.slice(0, 20))
  })

  await t.test('what is no address shares one limit', async (t) => {
    const seen = []
    for (let turn = 0; turn < 31; turn++) seen.push((await from(`not-an-address-${turn}`, `other-${turn}`)).status)
    t.equal(seen.at(-1), 429)
  })

  await t.test('a minute later all is as it was; what succeeds does not count', async (t) => {
    instance.advance(MINUTE)
    for (let turn = 0; turn < 31; turn++) t.equal((await from('2001:db8::1', 'anna', PASSWORD)).status, 303)
  })
})

await t.test('the limit of a network can be switched off', async (t) => {
  const { instance } = await startWorld(t, { TESSERA_LIMIT_SIGN_IN: '0', TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' })
  const { enter } = await atSignIn(instance)
  for (let turn = 0; turn < 40; turn++) t.equal((await enter(`name-${turn}`, WRONG)).status, 401)
})

await t.test('what is counted is little, is not told, and goes by itself', async (t) => {
  const { instance, david } = await startWorld(t)
  for (let turn = 0; turn < 20; turn++) await guess(instance, `typed-password-${turn}`, 1)
  await guess(instance, 'david', 1)
  const kept = await rows(instance)
  t.notMatch(JSON.stringify(kept), /typed|david/, 'what was entered is not kept')
  t.strictSame(kept.filter(({ user_id }) => user_id === david.id).length, 2)
  instance.advance(15 * MINUTE + 1)
  t.match(await cleanUpOf(instance).run(), { sign_in_attempts: 41 })
  t.strictSame(
    await rows(instance),
    [{ key: `user:${david.id}`, user_id: david.id }],
    'but for the count of the account',
  )
  await instance.core.store.write(({ users }) => users.remove(david.id, instance.now()))
  t.strictSame(await rows(instance), [])
})

await t.test('the page says so in every language', async (t) => {
  const { instance } = await startWorld(t)
  await guess(instance, 'david', 10)
  for (const [language, text] of [
    [
      'de',
      'Zu viele Anmeldeversuche sind fehlgeschlagen. Bitte warten Sie 1 Min. und versuchen Sie es dann noch einmal.',
    ],
    ['bg', 'Твърде много неуспешни опити за вход. Моля, изчакайте 1 мин. и опитайте отново.'],
  ] as const) {
    const browser = createBrowser(instance.origin)
    const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, ui_locales: language })
    const view = await signInAndConsent(browser, await browser.open(url), 'david')
    t.equal(view.page.querySelector('#problem')?.text, text)
  }
})

await t.test('the throttle outlives a restart', async (t: Test) => {
  const { instance } = await startWorld(t)
  const known = createBrowser(instance.origin)
  t.ok(await signsIn(instance, 'david', known))
  await guess(instance, 'david', 10)
  const restarted = await instance.restart()
  t.strictSame(await guess(restarted, 'david', 1), [429])
  const view = await (await atSignIn(restarted, known)).enter('david', PASSWORD)
  t.not(view.status, 429)
  t.ok(answerOf(await signInAndConsent(known, view, 'david')).get('code'))
  await restarted.server.close()
})
