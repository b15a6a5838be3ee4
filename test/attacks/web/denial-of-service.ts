// SQLite alone: is about how much is worked for at once, before a database is asked
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Refused } from '../../../src/domain/refusals/errors.ts'
import { createPasswords } from '../../../src/lib/crypto/passwords.ts'
import { createActivity } from '../../../src/web/kit/limits/activity.ts'
import { registerRateLimits } from '../../../src/web/kit/limits/rate-limits.ts'
import { createNetworks } from '../../../src/web/kit/requests/network.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { authorizeUrl, requestToken } from '../../fixtures/clients/endpoints.ts'
import { basic, postForm } from '../../fixtures/clients/http.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { type Route, routesOf } from '../../fixtures/instance/routes.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { everyRow } from '../../fixtures/store/database.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const SERVICE = { grant_type: 'client_credentials' }

await attackGroup(
  t,
  'M. Denial of service',
  async ({ instance, attack }) => {
    const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })

    await attack(
      'DO-01',
      '120 sign-ins at once: 66 are under way or in line, the others are told to come again, and apps are served meanwhile',
      async (t) => {
        const forms: { readonly url: string; readonly payload: string; readonly cookie: string }[] = []
        for (let n = 0; n < 120; n++) {
          const browser = createBrowser(instance.origin)
          const { page, url: at } = await browser.open(url)
          const action = new URL(page.querySelector('form')?.getAttribute('action') ?? '', at)
          const csrf = page.querySelector('input[name=csrf]')?.getAttribute('value') ?? ''
          const payload = new URLSearchParams({ csrf, username: `nobody-${n}`, password: PASSWORD }).toString()
          forms.push({ url: action.pathname + action.search, payload, cookie: await browser.jar.getCookieString(at) })
        }
        let left = forms.length
        // Not over connections: all of them arrive in the same moment.
        const attempts = forms.map(async ({ url, payload, cookie }) => {
          const headers = { ...FORM, cookie, host: new URL(instance.origin).host }
          const answer = await instance.server.inject({ method: 'POST', url, payload, headers })
          left -= 1
          return answer
        })
        const token = await requestToken(instance, SERVICE, basic(SYNC))
        const leftThen = left
        const keys = await fetch(`${instance.issuer}/.well-known/openid-configuration/jwks`)
        t.strictSame([token.status, keys.status], [200, 200])
        t.ok(leftThen > 0, `${leftThen} sign-ins were still waiting when the token came`)
        const answers = await Promise.all(attempts)
        const busy = answers.filter(({ statusCode }) => statusCode === 503)
        t.strictSame([...new Set(answers.map(({ statusCode }) => statusCode))].sort(), [401, 503])
        t.ok(busy.length >= 54, `${busy.length} were turned away`)
        t.ok(busy.every(({ headers }) => Number(headers['retry-after']) > 0))
      },
      { changes: true, slow: true, unavailable: true },
    )

    await attack(
      'DO-02',
      'a wrong secret costs a digest, and no password hash',
      async (t) => {
        const wrong = basic(SYNC, 'a-wrong-secret-0123456789abcdefghij')
        const browser = createBrowser(instance.origin)
        let view = await browser.open(url)
        const times: Record<'secret' | 'password', number[]> = { secret: [], password: [] }
        const timed = async (kind: keyof typeof times, work: () => Promise<{ status: number }>): Promise<void> => {
          const started = performance.now()
          t.equal((await work()).status, 401)
          times[kind].push(performance.now() - started)
        }
        for (let n = 0; n < 8; n++) {
          for (let m = 0; m < 5; m++) await timed('secret', () => requestToken(instance, SERVICE, wrong))
          await timed('password', async () => {
            view = await browser.submit(view, 'login-submit', { username: `guess-${n}`, password: PASSWORD })
            return view
          })
        }
        const [secret, password] = [times.secret, times.password].map((each) => Math.min(...each))
        t.ok((secret ?? 0) < (password ?? 0) / 2, `${secret} ms, where a password takes ${password} ms`)
      },
      { changes: true, slow: true },
    )

    await attack(
      'DO-08',
      'HTTP/2 is the business of the proxy in front: nobody is upgraded',
      async (t) => {
        const { request } = await import('node:http')
        const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' }
        const status = await new Promise((resolve, reject) => {
          request(`${instance.origin}/health/live`, { headers }, (answer) => resolve(answer.resume().statusCode))
            .on('upgrade', () => resolve('upgraded'))
            .on('error', reject)
            .end()
        })
        t.equal(status, 200)
      },
      { unrefused: true },
    )
  },
  {},
  { passwords: createPasswords() },
)

await t.test(
  'DO-06: 12,000 networks: ten thousand are counted at most, and who has not come for longest is forgotten',
  async (t) => {
    const app = Fastify({ trustProxy: true })
    t.teardown(() => app.close())
    const networks = createNetworks({ issuer: 'https://id.example.com/id', trustedProxies: ['127.0.0.1'] })
    const limits = await registerRateLimits(
      app,
      { token: 0, introspect: 0, authorize: 1, profile: 0, appFailures: 0 },
      networks,
      createActivity(),
    )
    app.setErrorHandler((error, _request, reply) => reply.code(error instanceof Refused ? error.status : 500).send())
    app.get('/', async (request) => limits.authorize(request, async () => undefined))
    const ask = async (network: number): Promise<number> => {
      const address = [10, network >> 16, (network >> 8) & 255, network & 255].join('.')
      return (await app.inject({ url: '/', headers: { 'x-forwarded-for': address } })).statusCode
    }
    t.strictSame([await ask(0), await ask(0)], [200, 429], 'counted')
    for (let from = 1; from < 12_000; from += 100)
      await Promise.all(Array.from({ length: 100 }, (_, n) => ask(from + n)))
    t.equal(await ask(11_999), 429, 'still counted')
    t.equal(await ask(0), 200, 'forgotten')
  },
)

await t.test('DO-05: 3,000 authorization requests that nobody completes write nothing down', async (t) => {
  // Half of the memory of this process is its client; look at a server of its own.
  const { instance } = await startWorld(t, { TESSERA_LOG_LEVEL: 'warn' })
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  const before = await everyRow(instance)
  for (let round = 0; round < 150; round++) {
    const asked = Array.from({ length: 20 }, async () => {
      const answer = await fetch(url, { redirect: 'manual' })
      await answer.text()
      return answer.status
    })
    for (const status of await Promise.all(asked)) if (status !== 303) t.fail(`${status}`)
  }
  t.strictSame(await everyRow(instance), before)
  t.strictSame(instance.log, [])
})

await t.test('DO-09: whatever a handler cannot do, it says so, and the server lives', async (t: Test) => {
  const { instance } = await startWorld(t)
  const rejections: unknown[] = []
  const note = (reason: unknown): void => void rejections.push(reason)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const fails = () => {
    throw new Error('out of order')
  }
  const { read } = instance.core.store
  for (const repository of Object.values(read) as Record<string, unknown>[])
    for (const name of Object.keys(repository)) if (typeof repository[name] === 'function') repository[name] = fails
  const sent = async ([method, url]: Route) => {
    const body = method === 'GET' || method === 'HEAD' ? {} : { body: `client_id=${WEB}&token=x&client_secret=x` }
    const headers = {
      authorization: 'Bearer x',
      cookie: 'tessera-session=x',
      'content-type': 'application/x-www-form-urlencoded',
    }
    return fetch(`${instance.origin}${url.replace(/:\w+|\*/g, 'x')}`, { method, headers, redirect: 'manual', ...body })
  }
  const statuses = new Set<number>()
  for (const route of routesOf(instance.server)) {
    const answer = await sent(route)
    statuses.add(answer.status)
    const text = await answer.text()
    t.notMatch(text, /out of order|at .*\.(ts|js):/, `${route.join(' ')}: ${answer.status}, and nothing of the reason`)
  }
  t.ok(statuses.has(500), 'some of them did fail')
  t.strictSame(rejections, [])
  t.equal((await postForm(`${instance.origin}/health/live`, {})).status, 405)
  t.equal((await fetch(`${instance.origin}/health/live`)).status, 200)
})
