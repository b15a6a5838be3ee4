import t from 'tap'
import { DAY } from '../../src/lib/time/clock.ts'
import { refusalsOf } from '../fixtures/answers/refusals.ts'
import { startInstance } from '../fixtures/instance/instance.ts'

const TOKEN = 'metrics-token-0123456789'

await t.test(
  'metrics hold the size of the database, the lag of the clean-up, and how long each route takes',
  async (t) => {
    const instance = await startInstance()
    t.teardown(() => instance.close())
    await fetch(`${instance.issuer}/connect/token`, { method: 'POST' })
    await instance.core.store.write(({ revokedAccessTokens }) => revokedAccessTokens.add('x', instance.now() - DAY))
    const answer = await fetch(`${instance.origin}/metrics`)
    t.equal(answer.status, 200)
    t.match(answer.headers.get('content-type'), 'text/plain; version=0.0.4')
    const text = await answer.text()
    t.match(text, /^tessera_database_bytes [1-9]\d{4,}$/m)
    t.match(
      text,
      /^tessera_cleanup_lag_seconds\{table="revoked_access_tokens"\} 82800$/m,
      'a day less the hour it is kept',
    )
    t.match(text, /^tessera_cleanup_lag_seconds\{table="sign_in_sessions"\} 0$/m)
    t.match(text, /^http_request_duration_seconds_count\{method="POST",route="\/id\/connect\/token",status="400"\} 1$/m)
    t.match(text, /^tessera_licence_slots \+Inf$/m)
    t.match(text, /^tessera_api_sessions 0$/m)
    t.match(text, /^nodejs_eventloop_lag_p99_seconds /m)
  },
)

await t.test('where a proxy can be in front, nothing but the token opens the metrics', async (t) => {
  for (const settings of [
    { TESSERA_ISSUER: 'https://id.example.com/id' },
    { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1' },
  ]) {
    const instance = await startInstance({ settings })
    t.teardown(() => instance.close())
    t.equal((await fetch(`${instance.origin}/metrics`)).status, 403)
    const cause = { rule: 'metrics-not-for-everybody', cause: /^TESSERA_METRICS_TOKEN is not set/ }
    t.match(refusalsOf(instance).at(-1), { description: 'metrics require the metrics token of this server', cause })
  }
})

await t.test('metrics are for this machine, or for whoever has the token', async (t) => {
  const open = await startInstance()
  const closed = await startInstance({ settings: { TESSERA_METRICS_TOKEN: TOKEN } })
  t.teardown(() => Promise.all([open.close(), closed.close()]))
  const status = async (origin: string, headers: Readonly<Record<string, string>> = {}): Promise<number> =>
    (await fetch(`${origin}/metrics`, { headers })).status
  t.equal(await status(open.origin), 200)
  for (const header of ['x-forwarded-for', 'x-forwarded-proto', 'forwarded', 'via', 'x-real-ip'])
    t.equal(await status(open.origin, { [header]: '127.0.0.1' }), 403, `a proxy speaks for somebody else: ${header}`)
  t.equal(await status(closed.origin), 403)
  t.equal(await status(closed.origin, { authorization: `Bearer ${TOKEN}x` }), 403)
  t.equal(await status(closed.origin, { authorization: `Bearer ${TOKEN}`, 'x-forwarded-for': '203.0.113.7' }), 200)
  const refused = await fetch(`${closed.origin}/metrics`)
  t.match(await refused.json(), {
    error: 'access_denied',
    error_description: 'metrics require the metrics token of this server',
    refusal_id: String,
  })
})
