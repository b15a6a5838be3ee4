// SQLite alone: is about headers, hosts and addresses, which no database sees
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createOutbound } from '../../../src/lib/net/outbound.ts'
import { appPath, startAdminApi } from '../../fixtures/admin/admin.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { METADATA, sendRegistration } from '../../fixtures/clients/registration.ts'
import { PASSWORD } from '../../fixtures/instance/instance.ts'
import { WEB, WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { createBrowser } from '../../fixtures/sign-in/browser.ts'

/** Hosts that lead to this machine, its network or to nowhere. */
const SPECIAL = [
  ...['127.0.0.1', '127.1', '2130706433', '0177.0.0.1', '0.0.0.0', '169.254.169.254', '10.0.0.1', '172.16.0.1'],
  ...['172.31.255.255', '192.168.0.1', '100.64.0.1', '[::1]', '[::]', '[fc00::1]', '[fd12::1]', '[fe80::1]'],
  ...['[64:ff9b::a00:1]', '[2002:7f00:1::]', '[::ffff:127.0.0.1]', '[::ffff:a00:1]', 'localhost', 'x.localhost'],
]

/** Client metadata that this server fetches from or posts to, by the attribute of the record. */
const FETCHED: Readonly<Record<string, (url: string) => readonly [attribute: string, value: unknown]>> = {
  jwks_uri: (url) => ['JwksUri', url],
  backchannel_logout_uri: (url) => ['BackchannelLogoutUri', url],
  sector_identifier_uri: (url) => ['SectorIdentifierUri', url],
  request_uris: (url) => ['RequestUris', [url]],
}

const SETTINGS = { TESSERA_REGISTRATION: 'open', TESSERA_REGISTRATION_HOURLY: '10000', TESSERA_REQUEST_OBJECTS: 'true' }

await attackGroup(
  t,
  'L. SSRF',
  async ({ instance, attack }) => {
    const api = await startAdminApi(instance)
    async function isUnregistrable(t: Test, metadata: Record<string, unknown>): Promise<void> {
      const answer = await sendRegistration(instance, { ...METADATA, ...metadata })
      t.equal(answer.status, 400, JSON.stringify(metadata))
      const refusal = answer.json
      t.match(refusal, { error: 'invalid_client_metadata', error_description: /https|internet|user name/ })
      t.notMatch(JSON.stringify(refusal), /TESSERA_/, 'a stranger learns nothing of the settings')
    }
    for (const [member, shape] of Object.entries(FETCHED))
      await attack(
        'SS-01',
        `${member}: no address but one of the public internet`,
        async (t) => {
          for (const host of SPECIAL) {
            const [attribute, value] = shape(`https://${host}/x`)
            await isUnregistrable(t, { [member]: value })
            const set = { [attribute]: Array.isArray(value) ? value.join(',') : value }
            const answer = await api.patch(appPath(WEB), set)
            t.equal(answer.status, 422, `${attribute} ${host}: ${answer.text}`)
          }
        },
        { slow: true },
      )
    for (const url of [
      'http://rp.example.com/x',
      'file:///etc/passwd',
      'gopher://rp.example.com/',
      'https://a@rp.example.com/',
    ])
      await attack('SS-01', `not https, or with a user name: ${url}`, async (t) => {
        for (const [member, shape] of Object.entries(FETCHED)) await isUnregistrable(t, { [member]: shape(url)[1] })
      })

    await attack(
      'SS-07',
      'a logo is for the browser, and no address of it is ever fetched here',
      async (t) => {
        const logo_uri = 'https://localhost:1/logo.svg'
        t.equal((await sendRegistration(instance, { ...METADATA, logo_uri })).status, 201)
        t.equal((await api.patch(appPath(WEB), { LogoUri: 'https://logo.example.com/l.png' })).status, 200)
        const browser = createBrowser(instance.origin)
        const login = await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
        const consent = await browser.submit(login, 'login-submit', { username: 'david', password: PASSWORD })
        t.ok(consent.page.querySelector('#consent-approve'))
        // What is not on the list is not loaded; the list is per page, and holds the origin of this app's logo alone.
        const images = /img-src ([^;]*)/.exec(consent.headers.get('content-security-policy') ?? '')?.[1]
        t.match(images, /^'self' data:( https:\/\/logo\.example\.com)?$/)
      },
      { changes: true, unrefused: true },
    )
  },
  SETTINGS,
)

await t.test(
  'SS-04: 301 to 308, to this machine, to a file and twenty hops: an answer, and none is followed',
  async (t) => {
    let asked = 0
    const inner = createServer((_, response) => {
      asked += 100
      response.end()
    })
    const server = createServer(({ url = '' }, response) => {
      asked += 1
      const [, status = '302', hops = ''] = url.split('/')
      const { port } = inner.address() as AddressInfo
      const targets: Readonly<Record<string, string>> = {
        private: `http://127.0.0.1:${port}/`,
        file: 'file:///etc/passwd',
      }
      response.writeHead(Number(status), { location: targets[hops] ?? `/${status}/${Number(hops) - 1}` }).end('moved')
    })
    for (const one of [inner, server]) await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))
    t.teardown(() => [inner, server].map((one) => one.closeAllConnections() ?? one.close()))
    const outbound = createOutbound({ exemptHosts: [{ host: 'localhost', port: undefined }] })
    t.teardown(outbound.close)
    const at = `http://localhost:${(server.address() as AddressInfo).port}`
    let sent = 0
    for (const status of [301, 302, 303, 307, 308])
      for (const target of ['private', 'file', '20']) {
        sent += 2
        t.match(await outbound.get(`${at}/${status}/${target}`, { accept: '*/*' }), { status, body: 'moved' })
        t.match(await outbound.post(`${at}/${status}/${target}`, new URLSearchParams({ logout_token: 'x' })), {
          status,
        })
      }
    t.equal(asked, sent, 'each once, and nobody else')
  },
)
