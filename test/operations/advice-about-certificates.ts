import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { asserting, assertionClaims, makeKey, signAs } from '../fixtures/clients/app-keys.ts'
import { authorize, PKCE } from '../fixtures/clients/code-flow.ts'
import { requestToken } from '../fixtures/clients/endpoints.ts'
import { METADATA, sendRegistration } from '../fixtures/clients/registration.ts'
import { startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { changeApp } from '../fixtures/tokens/reference-tokens.ts'

const file = (name: string) => readFileSync(new URL(`../fixtures/tls/localhost.${name}`, import.meta.url))

/** A server with a certificate that nobody known vouches for. */
const server = createServer({ cert: file('crt'), key: file('key') }, (_request, response) => response.end('[]'))
server.listen(0, 'localhost')
await once(server, 'listening')
t.teardown(() => server.close())
const there = `https://localhost:${(server.address() as AddressInfo).port}`

const { instance, service } = await startWorld(t, {
  TESSERA_OUTBOUND_EXEMPT_HOSTS: 'localhost',
  TESSERA_REQUEST_OBJECTS: 'true',
  TESSERA_REGISTRATION: 'open',
})
const tessera = tesseraOn(instance)
const KEYED = 'app/keyed'
await instance.addApp({
  applicationUri: KEYED,
  systemUserAllowed: true,
  systemUser: service.id,
  scope: ['read'],
  tokenEndpointAuthMethod: 'private_key_jwt',
  jwksUri: `${there}/jwks`,
})
await changeApp(instance, WEB, { requestUris: [`${there}/request`] })

/** What each fetch is for, the rule of its refusal, and a request that needs it. */
const FETCHES = [
  [
    'the keys of an app (JwksUri)',
    'app-keys-unreachable',
    async () => {
      const assertion = await signAs(await makeKey('ES256', 'one'), assertionClaims(instance, KEYED))
      await requestToken(instance, { grant_type: 'client_credentials', ...asserting(assertion) })
    },
  ],
  [
    'a request object (request_uri)',
    'request-uri-unreachable',
    async () => {
      const named = { request_uri: `${there}/request`, client_id: WEB, redirect_uri: WEB_REDIRECT, ...PKCE }
      await authorize(instance, { ...named, scope: 'openid', response_type: 'code' })
    },
  ],
  [
    'the list of a sector (sector_identifier_uri)',
    'registration-sector',
    async () => {
      const sector = { subject_type: 'pairwise', sector_identifier_uri: `${there}/sector` }
      await sendRegistration(instance, { ...METADATA, ...sector })
    },
  ],
] as const

for (const [what, rule, ask] of FETCHES)
  await t.test(`a certificate of one's own authority: ${what}`, async (t) => {
    await ask()
    const refusal = instance.log.find(({ cause }) => (cause as { rule?: string } | undefined)?.rule === rule)
    t.ok(refusal, 'it is refused for what could not be fetched')
    const { stdout, stderr } = await tessera(['refusal', 'show', String(refusal?.['refusal'])])
    t.equal(stderr, '')
    t.match(
      stdout,
      /the certificate of the other side is not trusted: .*self.signed certificate/,
      'names the certificate',
    )
    t.match(
      stdout,
      'set NODE_EXTRA_CA_CERTS to a PEM file with the certificate of the authority that signed it, and restart the server',
      'and what makes it known',
    )
    t.match(stdout, 'give that server a certificate of a public authority')
  })
