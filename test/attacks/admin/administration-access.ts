import t, { type Test } from 'tap'
import { addTool, TOOL } from '../../fixtures/admin/admin.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { authorize, obtainCode, obtainTokens, redeem } from '../../fixtures/clients/code-flow.ts'
import { serviceToken } from '../../fixtures/clients/endpoints.ts'
import { basic, bearer, type HeaderFields } from '../../fixtures/clients/http.ts'
import { tokensOf } from '../../fixtures/clients/tokens.ts'
import { type Route, routesOf } from '../../fixtures/instance/routes.ts'
import { OTHER, SYNC, WEB } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { changeApp, issue } from '../../fixtures/tokens/reference-tokens.ts'

const CONSOLE = 'my.admin/console'
const CONSOLE_REDIRECT = 'https://admin.example.com/cb'

const CALLERS = ['nobody', 'cookie', 'token', 'PAT', 'service', 'person with sec', 'administrator', 'tool'] as const
type Caller = (typeof CALLERS)[number]
/** A status that refuses, or `in`: whatever else is wrong, it is not who asks. */
type Outcome = 'in' | 401 | 403

interface Policy {
  readonly routes: RegExp
  /** Everybody is kept out like this but for those named. */
  readonly others: Outcome
  readonly but?: Readonly<Partial<Record<Caller, Outcome>>>
}

const NO_SCOPE = { token: 403, PAT: 403, service: 403, 'person with sec': 403 } as const

/** Who comes in where; the first that fits counts, and each route has to have one. */
const POLICIES: readonly Policy[] = [
  { routes: / \/(manage|profile)\/api\/v1\/openapi\.json$/, others: 'in' },
  {
    routes: / \/manage\/api\/v1\//,
    others: 401,
    but: { ...NO_SCOPE, administrator: 'in', tool: 'in' },
  },
  { routes: / \/profile\/api\/v1\//, others: 401, but: { cookie: 'in', PAT: 403 } },
  {
    routes: / \/profile\/me/,
    others: 'in',
    but: { nobody: 401, service: 403, tool: 403 },
  },
  {
    routes: / \/id\/connect\/userinfo$/,
    others: 'in',
    but: { nobody: 401, cookie: 401, PAT: 403, service: 403, tool: 403 },
  },
  // Apps prove themselves here with what is theirs; no person and no token is one.
  { routes: / \/id\/connect\/(introspect|revocation|session|session\/touches|session\/notices)$/, others: 401 },
  // What is sent is looked at before who sends it.
  { routes: /POST \/id\/connect\/token$/, others: 'in' },
  // Nothing of anybody's can be told or changed here without a link that was made for this very browser.
  { routes: /^(GET|HEAD) \/id\/(login|consent|logout|logout\/signed-out|error)$/, others: 'in' },
  { routes: /^POST \/id\/(login|consent|logout)$/, others: 'in' },
  { routes: / \/id\/connect\/(authorize|authorize\/continue|endsession|checksession)$/, others: 'in' },
  { routes: / \/id\/(\.well-known|assets)\//, others: 'in' },
  // What this is, for whoever tries the address, and how its pages look: of nobody, and read alone.
  { routes: /^(GET|HEAD) \/(id\/?)?$/, others: 'in' },
  { routes: /^(GET|HEAD) \/id\/brand\/(style\.css|logo)$/, others: 'in' },
  { routes: / \/(\.well-known\/|(tools|sys)\/auto-discovery$|health\/|metrics$)/, others: 'in' },
]

// A thousand requests and more, each in every detail, would be a large part of the memory that is watched.
await attackGroup(
  t,
  'J. Administration and profile: who comes in',
  async ({ instance, attack }, t) => {
    await addTool(instance)
    await instance.addApp({
      applicationUri: CONSOLE,
      impersonateAsInternalUserAllowed: true,
      impersonateLoginUrl: [CONSOLE_REDIRECT],
      scope: ['sec'],
      administrationAllowed: true,
    })
    await instance.addUser({ login: 'eva', isAdmin: true })
    await changeApp(instance, WEB, { accessTokens: 'AuthenticatedUsers' })
    const browser = createBrowser(instance.origin)
    await authorize(instance, {}, { browser })
    const cookie = await browser.jar.getCookieString(instance.origin)

    async function throughConsole(login: string): Promise<string> {
      const request = { client_id: CONSOLE, redirect_uri: CONSOLE_REDIRECT, scope: 'openid sec' }
      const code = await obtainCode(instance, request, { login })
      const answer = await redeem(instance, code, { redirect_uri: CONSOLE_REDIRECT }, basic(CONSOLE))
      return tokensOf(answer).access_token
    }
    const headersOf: Readonly<Record<Caller, HeaderFields>> = {
      nobody: {},
      cookie: { cookie, 'sec-fetch-site': 'same-origin' },
      token: bearer((await obtainTokens(instance)).access_token),
      PAT: bearer((await issue(instance, { kind: 'PAT', app: WEB, user: 'david' })).value),
      service: bearer(await serviceToken(instance, SYNC)),
      'person with sec': bearer(await throughConsole('anna')),
      administrator: bearer(await throughConsole('eva')),
      tool: bearer(await serviceToken(instance, TOOL)),
    }
    const outcomeOf = ({ others, but = {} }: Policy, caller: Caller): Outcome => but[caller] ?? others

    async function asked(t: Test, [method, url]: Route, caller: Caller): Promise<number> {
      const path = url
        .replace('*', 'tessera.css')
        .replace(':applicationUri', encodeURIComponent(OTHER))
        .replace(/:\w+/g, '0')
      const hasBody = method !== 'GET' && method !== 'HEAD' && method !== 'DELETE'
      const answer = await fetch(`${instance.origin}${path}`, {
        method,
        redirect: 'manual',
        headers: { ...(hasBody ? { 'content-type': 'application/x-www-form-urlencoded' } : {}), ...headersOf[caller] },
        ...(hasBody ? { body: 'x=1' } : {}),
      })
      const text = await answer.text()
      if ([401, 403].includes(answer.status) && /my\.trusted\.app|david|anna|svc\./.test(text))
        t.fail(`${method} ${url} tells ${caller} something`)
      return answer.status
    }

    const routes = routesOf(instance.server)
    t.ok(routes.length > 60, `${routes.length} routes`)
    const named = (route: Route): string => route.join(' ')
    t.strictSame(
      routes.map(named).filter((name) => !POLICIES.some((policy) => policy.routes.test(name))),
      [],
      'each has a policy',
    )
    const partOf = ([, url]: Route): string =>
      url
        .split('/')
        .slice(0, url.startsWith('/manage') ? 5 : 3)
        .join('/')
    for (const part of new Set(routes.map(partOf)))
      await attack(
        'AD-01',
        `each route and method below ${part} lets in whom its policy names, and nobody else`,
        async (t) => {
          for (const route of routes.filter((one) => partOf(one) === part)) {
            const policy = POLICIES.find((one) => one.routes.test(named(route)))
            const outcomes: [Caller, Outcome][] = []
            for (const caller of CALLERS) {
              const status = await asked(t, route, caller)
              outcomes.push([caller, status === 401 || status === 403 ? status : 'in'])
            }
            t.strictSame(
              Object.fromEntries(outcomes),
              Object.fromEntries(CALLERS.map((caller) => [caller, policy && outcomeOf(policy, caller)])),
              named(route),
            )
          }
        },
        { slow: true, unrefused: true },
      )

    const offered = new Map<string, string[]>()
    for (const [method, url] of routes) offered.set(url, [...(offered.get(url) ?? []), method])
    await attack('AD-01', 'every other method of every address does nothing, whoever asks', async (t) => {
      for (const [url, methods] of offered)
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((other) => !methods.includes(other)))
          for (const caller of ['nobody', 'cookie', 'administrator'] as const) {
            const status = await asked(t, [method, url], caller)
            if (![401, 403, 404, 405].includes(status)) t.fail(`${method} ${url} by ${caller}: ${status}`)
          }
      t.ok(offered.size > 40, `${offered.size} addresses`)
    })
    await attack('AD-13', 'a GET changes nothing, whoever asks', async (t) => {
      for (const route of routes.filter(([method]) => method === 'GET'))
        for (const caller of CALLERS) await asked(t, route, caller)
    })
  },
  { TESSERA_LOG_LEVEL: 'info' },
)
