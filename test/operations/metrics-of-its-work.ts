// SQLite alone: counts what a process does; the same requests go through the same repositories elsewhere
import t from 'tap'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { answerOf, obtainTokens } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, requestServiceToken, requestToken } from '../fixtures/clients/endpoints.ts'
import { basic } from '../fixtures/clients/http.ts'
import { METADATA, sendRegistration } from '../fixtures/clients/registration.ts'
import { tokensOf } from '../fixtures/clients/tokens.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { METRICS, readMetrics } from '../fixtures/instance/metrics.ts'
import { OTHER, OTHER_REDIRECT, SYNC, startWorld, WEB } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t, {
  ...METRICS,
  TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1',
  TESSERA_LIMIT_TOKEN: '5',
  TESSERA_REGISTRATION: 'open',
  TESSERA_REGISTRATION_HOURLY: '1',
  TESSERA_REGISTRATION_MOST: '2',
})

/** The samples of these counters. */
const samples = async (...names: readonly string[]): Promise<string[]> =>
  (await readMetrics(instance)).split('\n').filter((line) => names.some((name) => line.startsWith(`${name}{`)))

await t.test('sign-ins by method, failures by method and reason', async (t) => {
  const browser = createBrowser(instance.origin)
  const login = await browser.open(authorizeUrl(instance, { client_id: OTHER, redirect_uri: OTHER_REDIRECT }))
  const wrong = await browser.submit(login, 'login-submit', { username: 'david', password: 'wrong' })
  const nobody = await browser.submit(wrong, 'login-submit', { username: 'nobody-here', password: 'wrong' })
  const consent = await browser.submit(nobody, 'login-submit', { username: 'david', password: PASSWORD })
  t.equal(answerOf(await browser.submit(consent, 'consent-deny')).get('error'), 'access_denied')
  t.strictSame((await samples('tessera_sign_ins_total', 'tessera_sign_in_failures_total')).sort(), [
    'tessera_sign_in_failures_total{method="password",reason="password-wrong"} 1',
    'tessera_sign_in_failures_total{method="password",reason="person-unknown"} 1',
    'tessera_sign_ins_total{method="password"} 1',
  ])
  t.strictSame(await samples('tessera_consents_total'), ['tessera_consents_total{decision="denied"} 1'])
})

await t.test('consents, tokens by grant and class of the app, never by its name', async (t) => {
  const { refresh_token: token = '' } = await obtainTokens(instance, { scope: 'openid read offline_access' })
  tokensOf(await requestToken(instance, { grant_type: 'refresh_token', refresh_token: token }, basic(WEB)))
  tokensOf(await requestServiceToken(instance))
  t.strictSame((await samples('tessera_tokens_issued_total')).sort(), [
    'tessera_tokens_issued_total{grant="authorization_code",app="Confidential"} 1',
    'tessera_tokens_issued_total{grant="client_credentials",app="Confidential"} 1',
    'tessera_tokens_issued_total{grant="refresh_token",app="Confidential"} 1',
  ])
  matchesWhole(t, (await samples('tessera_consents_total')).sort(), [
    'tessera_consents_total{decision="denied"} 1',
    'tessera_consents_total{decision="given"} 1',
  ])
})

await t.test('refusals by error, and what limits turned away', async (t) => {
  await requestToken(instance, { grant_type: 'made-up-by-somebody' }, basic(WEB))
  for (let n = 0; n < 8; n++) await requestServiceToken(instance, { ...basic(SYNC), 'x-forwarded-for': '203.0.113.9' })
  const text = (await samples('tessera_refusals_by_error_total', 'tessera_throttled_total')).join('\n')
  t.match(text, /^tessera_refusals_by_error_total\{error="access_denied"\} [1-9]$/m)
  t.match(text, /^tessera_refusals_by_error_total\{error="unsupported_grant_type"\} 1$/m)
  t.match(text, /^tessera_throttled_total\{limit="token"\} [1-9]$/m)
  t.notMatch(await readMetrics(instance), /made-up|my\.trusted|david|nobody-here/, 'no label is from a request')
})

await t.test('what the limits of registrations turned away', async (t) => {
  const metadata = { ...METADATA, redirect_uris: ['https://rp.example.com/metrics'] }
  const register = (address: string) => sendRegistration(instance, metadata, { 'x-forwarded-for': address })
  t.strictSame(
    [await register('203.0.113.8'), await register('203.0.113.8'), await register('198.51.100.8')].map(
      (one) => one.status,
    ),
    [201, 429, 201],
  )
  t.ok((await samples('tessera_throttled_total')).includes('tessera_throttled_total{limit="registration"} 1'))
  t.equal((await register('192.0.2.8')).status, 503, 'no more apps at all')
  t.ok((await samples('tessera_throttled_total')).includes('tessera_throttled_total{limit="registration"} 2'))
})
