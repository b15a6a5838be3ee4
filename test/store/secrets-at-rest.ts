import t from 'tap'
import { digest } from '../../src/lib/crypto/secrets.ts'
import { createRelyingParty, webApp } from '../fixtures/clients/relying-party.ts'
import { type Tokens, tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD, SECRET, startInstance } from '../fixtures/instance/instance.ts'
import { bytesAtRest, query, spellingsOf } from '../fixtures/store/database.ts'
import { changeApp, issue } from '../fixtures/tokens/reference-tokens.ts'

const APP = 'my.trusted.app/web'
const ROUNDS = 10

await t.test('I3: nothing that opens a door is at rest in clear', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addUser({ login: 'david' })
  await instance.addApp(webApp(APP))
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })

  const secrets = new Map([
    ['app secret', SECRET],
    ['password', PASSWORD],
  ])
  const keep = (name: string, { access_token: access, refresh_token: refresh, id_token: id }: Tokens): void => {
    secrets.set(`${name} access token`, access)
    secrets.set(`signature of the ${name} access token`, access.split('.')[2] ?? '')
    secrets.set(`${name} refresh token`, refresh)
    secrets.set(`${name} ID token`, id)
  }
  for (let round = 0; round < ROUNDS; round++) {
    const code = await david.obtainCode()
    const first = tokensOf(await david.redeem(code))
    const second = tokensOf(await david.refresh(first.refresh_token))
    secrets.set(`code ${round}`, code.code)
    secrets.set(`verifier ${round}`, code.verifier)
    keep(`first ${round}`, first)
    keep(`second ${round}`, second)
    await david.revoke(round % 2 === 0 ? second.refresh_token : second.access_token)
  }
  await changeApp(instance, APP, { accessTokens: 'AuthenticatedUsers', accessTokenFormat: 'reference' })
  secrets.set('opaque access token', (await david.obtainTokens()).access_token)
  const { value: pat } = await issue(instance, { kind: 'PAT', app: APP, user: 'david' })
  secrets.set('PAT', pat)
  secrets.set('digits of the PAT', pat.slice('enrt_'.length))
  await david.introspect(pat)
  for (const { key, value } of await david.browser.jar.getCookies(instance.origin)) secrets.set(`cookie ${key}`, value)

  const atRest = await bytesAtRest(instance)
  const digestOf = (name: string): Buffer => Buffer.from(digest(secrets.get(name) ?? ''))
  t.ok(atRest.includes(digestOf('code 0')), 'codes are kept as digests')
  t.ok(atRest.includes(digestOf('first 0 refresh token')), 'and so are refresh tokens')
  t.ok(atRest.includes(digestOf('app secret')), 'and secrets of apps')
  t.ok(atRest.includes(digestOf('opaque access token')), 'and access tokens that say nothing')
  t.ok(atRest.includes(digestOf('PAT')), 'and reference tokens')
  t.ok(secrets.size > 10 * ROUNDS, `${secrets.size} values are looked for`)
  for (const [name, value] of secrets) {
    if (value === '' || spellingsOf(value).some((spelling) => atRest.includes(spelling))) t.fail(`${name} is in clear`)
  }

  const [kept] = await query<{ answers: number }>(
    instance,
    'select count(sealed_answer) as answers from refresh_tokens',
  )
  t.equal(kept?.answers, ROUNDS, 'the answers kept for replay are among what was searched')
  const [{ sealed_answer: box } = { sealed_answer: '' }] = await query<{ sealed_answer: string }>(
    instance,
    'select sealed_answer from refresh_tokens where sealed_answer is not null',
  )
  t.notOk(Buffer.from(box, 'base64url').includes('access_token'), 'sealed, not just encoded')
})

await t.test('private halves of signing keys are sealed', async (t) => {
  for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
    const instance = await startInstance({ settings: { TESSERA_SIGNING_ALGORITHM: algorithm } })
    t.teardown(() => instance.close())
    const atRest = await bytesAtRest(instance)
    t.ok(atRest.includes('"kty"'), 'the public half is there')
    for (const member of ['"d"', '"p"', '"dp"', 'PRIVATE'])
      t.notOk(atRest.includes(member), `${algorithm}: no ${member}`)
    const spelled = Buffer.from('"d":"').toString('base64url').slice(0, -1)
    t.notOk(atRest.includes(spelled), 'not encoded either')
  }
})
