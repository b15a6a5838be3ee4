// SQLite alone: is about headers, hosts and addresses, which no database sees
import t from 'tap'
import { requestToken } from '../fixtures/clients/endpoints.ts'
import { send } from '../fixtures/clients/http.ts'
import { type Instance, startInstance } from '../fixtures/instance/instance.ts'

/** The lines about requests, without what every line has. */
const linesOf = ({ log }: Instance) =>
  log
    .filter(({ msg }) => msg === 'request')
    .map(({ level, method, route, status, ms, refusal_id: refusal, ...rest }) => ({
      level,
      method,
      route,
      status,
      ms,
      refusal,
      rest,
    }))

await t.test('one line a request: method, route, status, time, and the id of the refusal', async (t) => {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await send(`${instance.issuer}/.well-known/openid-configuration?secret=1234`)
  await send(`${instance.origin}/manage/api/v1/users/david@example.com?q=1234`)
  await send(`${instance.origin}/who/is/david@example.com/enrt_ABCDEF`)
  const refused = await requestToken(instance, { grant_type: 'x', client_secret: 'secret-1234' })
  await send(`${instance.origin}/health/ready`)
  const lines = linesOf(instance)
  t.strictSame(
    lines.map(({ level, method, route, status }) => [level, method, route, status]),
    [
      [30, 'GET', '/id/.well-known/openid-configuration', 200],
      [30, 'GET', '/manage/api/v1/users/:user', 401],
      [30, 'GET', 'unknown', 404],
      [30, 'POST', '/id/connect/token', refused.status],
      [20, 'GET', '/health/ready', 200],
    ],
    'health is for who wants to see everything',
  )
  for (const { ms } of lines) t.ok(typeof ms === 'number' && ms >= 0)
  t.equal(lines[3]?.refusal, refused.json['refusal_id'])
  t.equal(lines[0]?.refusal, undefined)
  for (const { rest } of lines)
    t.strictSame(Object.keys(rest).sort(), ['address', 'hostname', 'msg', 'pid', 'reqId', 'time'])
  t.notMatch(JSON.stringify(instance.log.filter(({ msg }) => msg === 'request')), /david|enrt|1234/)
  t.strictSame(
    instance.log.filter(({ msg }) => /incoming request|request completed/.test(String(msg))),
    [],
    'and no other',
  )
})

await t.test('TESSERA_LOG_REQUESTS=false leaves them out, and refusals in', async (t) => {
  const instance = await startInstance({ settings: { TESSERA_LOG_REQUESTS: 'false' } })
  t.teardown(() => instance.close())
  await send(`${instance.origin}/nothing`)
  t.strictSame(linesOf(instance), [])
  t.equal(instance.log.filter(({ msg }) => msg === 'refused').length, 1)
})
