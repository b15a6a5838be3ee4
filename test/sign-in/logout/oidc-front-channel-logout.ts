import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parse } from 'node-html-parser'
import t, { type Test } from 'tap'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn } from '../../fixtures/cli/cli.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { encode } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { createRelyingParty, webApp } from '../../fixtures/clients/relying-party.ts'
import { type Instance, PASSWORD, startInstance } from '../../fixtures/instance/instance.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'
import { launchChromium, noChromium } from '../../fixtures/sign-in/chromium.ts'

// A browser on a busy machine takes its time.
interface Site {
  readonly origin: string
  /** What was asked for, in order. */
  readonly visits: string[]
}

/** An app's web site; below `/hang` it never answers. */
async function site(t: Test): Promise<Site> {
  const visits: string[] = []
  const server = createServer(({ url = '' }, response) => {
    visits.push(url)
    if (url.startsWith('/hang')) return
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<!doctype html><link rel="icon" href="data:,"><title>app</title><p id="arrived">Welcome</p>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, visits }
}

const BYE = '/bye?from=here'

const register = (instance: Instance, name: string, { origin }: Site, path = '/front?a=1') =>
  instance.addApp({
    ...webApp(name),
    requireConsent: false,
    impersonateLoginUrl: [`${origin}/cb`],
    impersonateLogoutUrl: [`${origin}${BYE}`],
    frontchannelLogoutUri: `${origin}${path}`,
    frontchannelLogoutSessionRequired: false,
  })

const { instance } = await (async () => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addUser({ login: 'david' })
  return { instance }
})()
const endpoint = `${instance.issuer}/connect/endsession`

await t.test(
  '§2, §3 the page that the browser is shown: each app of the session in a frame, and the way on',
  async (t) => {
    t.match(await (await fetch(`${instance.issuer}/.well-known/openid-configuration`)).json(), {
      frontchannel_logout_supported: true,
      frontchannel_logout_session_supported: true,
    })
    const [one, two, unused] = [await site(t), await site(t), await site(t)]
    await register(instance, 'page/one', one)
    await register(instance, 'page/two', two, '/front')
    await register(instance, 'page/unused', unused)
    const browser = createBrowser(instance.origin)
    const party = createRelyingParty(
      instance,
      { clientId: 'page/one', login: 'david', redirectUri: `${one.origin}/cb` },
      browser,
    )
    const { id_token: id } = await party.obtainTokens()
    await createRelyingParty(
      instance,
      { clientId: 'page/two', login: 'david', redirectUri: `${two.origin}/cb` },
      browser,
    ).obtainTokens()
    const target = `${one.origin}${BYE}`
    const state = '"%&<#=\'>'
    const request = `${endpoint}?${encode({ id_token_hint: id, post_logout_redirect_uri: target, state })}`
    const view = await browser.open(request)
    t.equal(view.status, 200)
    const iss = encodeURIComponent(instance.issuer)
    t.strictSame(
      view.page.querySelectorAll('iframe').map((frame) => frame.getAttribute('src')),
      [
        `${one.origin}/front?a=1&iss=${iss}&sid=${String(claimsOf(id)['sid'])}`,
        `${two.origin}/front?iss=${iss}&sid=${String(claimsOf(id)['sid'])}`,
      ],
      'iss and sid, and nothing else, beside the own query',
    )
    matchesWhole(
      t,
      view.headers.get('content-security-policy')?.split('; '),
      [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        `frame-src ${one.origin} ${two.origin}`,
        /^form-action 'self'/,
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ],
      'exactly these origins',
    )
    t.equal(view.headers.get('cache-control'), 'no-store')
    const next = `${target}&state=%22%25%26%3C%23%3D%27%3E`
    t.equal(view.page.querySelector('#logout-continue')?.getAttribute('href'), next)
    t.notOk(view.page.querySelector('meta[http-equiv=refresh]'), 'where scripts run, one of them moves on, alone')
    const withoutScripts = parse(view.page.querySelector('head noscript')?.innerHTML ?? '')
    const refresh = withoutScripts.querySelector('meta[http-equiv=refresh]')?.getAttribute('content')
    t.match(refresh, /^[1-5];url=/)
    t.ok(refresh?.endsWith(`;url=${next}`))
    t.equal((await browser.open(request)).leftTo?.href, next, 'once more: nobody is left to tell')
    t.notMatch(JSON.stringify(instance.log), String(id))
  },
)

await t.test('who is told nothing: apps without the URI, and apps that are off', async (t) => {
  const [one, off] = [await site(t), await site(t)]
  await instance.addApp({ ...webApp('none/one'), requireConsent: false, impersonateLoginUrl: [`${one.origin}/cb`] })
  await register(instance, 'none/off', off)
  const browser = createBrowser(instance.origin)
  const { id_token: id } = await createRelyingParty(
    instance,
    { clientId: 'none/one', login: 'david', redirectUri: `${one.origin}/cb` },
    browser,
  ).obtainTokens()
  await createRelyingParty(
    instance,
    { clientId: 'none/off', login: 'david', redirectUri: `${off.origin}/cb` },
    browser,
  ).obtainTokens()
  await instance.core.store.write(({ apps }) => apps.setEnabled('none/off', false, instance.now()))
  const view = await browser.open(`${endpoint}?${encode({ id_token_hint: id })}`)
  t.strictSame([view.url, view.page.querySelectorAll('iframe')], [`${instance.issuer}/logout/signed-out`, []])
})

await t.test('§2 it is at the origin of a redirect URI', async (t) => {
  await instance.addApp({ ...webApp('rules/one'), impersonateLoginUrl: ['https://app.example.com/cb'] })
  const tessera = tesseraOn(instance)
  const elsewhere = 'must have the scheme, host and port of one of the ImpersonateLoginUrl'
  for (const [uri, reason] of [
    ['https://other.example.com/out', elsewhere],
    ['https://app.example.com:8443/out', elsewhere],
    ['http://app.example.com/out', 'must use https (plain http is for loopback only)'],
    ['https://app.example.com/out#x', 'must not have a fragment'],
    ['javascript:alert(1)', 'must not use the scheme javascript:'],
  ]) {
    const { code, stderr } = await tessera(['app', 'update', 'rules/one', '--set', `FrontchannelLogoutUri=${uri}`])
    t.equal(code, 2)
    t.match(stderr, `FrontchannelLogoutUri: ${reason}`)
  }
  const uri = 'https://app.example.com/out?x=1'
  const done = tessera(['app', 'update', 'rules/one', '--set', `FrontchannelLogoutUri=${uri}`, '--json'])
  t.match(await documentOf(done), { FrontchannelLogoutUri: uri, FrontchannelLogoutSessionRequired: false })
})

await t.test('in Chromium', { skip: noChromium() }, async (t) => {
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())
  for (const [name, javaScriptEnabled, path] of [
    ['with scripts', true, '/front'],
    ['without scripts', false, '/front'],
    ['an app that never answers', true, '/hang'],
  ] as const) {
    await t.test(name, async (t) => {
      const [one, two] = [await site(t), await site(t)]
      const uri = `chromium/${name.replaceAll(' ', '-')}`
      await register(instance, uri, one)
      await register(instance, `${uri}/2`, two, path)
      const context = await chromium.newContext({ javaScriptEnabled })
      t.teardown(() => context.close())
      context.setDefaultTimeout(15_000)
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
      await page.goto(authorizeUrl(instance, { client_id: uri, redirect_uri: `${one.origin}/cb` }))
      await page.fill('#username', 'david')
      await page.fill('#password', PASSWORD)
      await page.click('#login-submit')
      await page.waitForURL(`${one.origin}/cb?**`)
      await page.goto(authorizeUrl(instance, { client_id: `${uri}/2`, redirect_uri: `${two.origin}/cb` }))
      await page.waitForURL(`${two.origin}/cb?**`)
      const parameters = { client_id: uri, post_logout_redirect_uri: `${one.origin}${BYE}`, state: 's' }
      await page.goto(`${endpoint}?${encode(parameters)}`)
      await page.click('#logout-confirm', { noWaitAfter: true })
      await page.waitForURL(`${one.origin}/bye?**`)
      t.equal(page.url(), `${one.origin}${BYE}&state=s`)
      for (const [{ visits }, start] of [
        [one, '/front?a=1&iss='],
        [two, `${path}?iss=`],
      ] as const)
        t.equal(visits.filter((visit) => visit.startsWith(start)).length, 1, visits.join(' '))
      t.strictSame(complaints, [], 'the policy allows all of it')
    })
  }
})
