// SQLite alone: refused before anything but the record of the app is read
import t from 'tap'
import { isRefused } from '../../fixtures/answers/outcomes.ts'
import { attackGroup, canary } from '../../fixtures/attacks/attacks.ts'
import { basic, postForm, send } from '../../fixtures/clients/http.ts'
import { SECRET } from '../../fixtures/instance/instance.ts'
import { SYNC } from '../../fixtures/instance/world.ts'

const SERVICE = { grant_type: 'client_credentials' } as const

await attackGroup(t, 'D. Token endpoint: how a request comes', async ({ instance, attack }) => {
  const tokenUrl = `${instance.issuer}/connect/token`

  for (const method of ['GET', 'PUT', 'HEAD', 'DELETE', 'PATCH'])
    await attack('TE-01', method, async (t) => {
      const { status, headers } = await send(tokenUrl, { method, headers: basic(SYNC) })
      t.strictSame([status, headers.get('allow')], [405, 'POST'])
    })

  for (const name of ['client_secret', 'code', 'refresh_token', 'grant_type'])
    await attack('TE-02', `${name} in the query`, async (t) => {
      const url = `${tokenUrl}?${name}=${canary(name)}`
      isRefused(t, await postForm(url, SERVICE, basic(SYNC)), 'invalid_request')
    })
  await attack('TE-02', 'the right secret in the query', async (t) =>
    isRefused(t, await postForm(`${tokenUrl}?client_id=${SYNC}&client_secret=${SECRET}`, SERVICE), 'invalid_request'),
  )

  const multipart = new FormData()
  multipart.set('grant_type', 'client_credentials')
  for (const [name, body, headers] of [
    ['JSON', JSON.stringify(SERVICE), { 'content-type': 'application/json' }],
    ['multipart', multipart, {}],
    ['plain text', 'grant_type=client_credentials', { 'content-type': 'text/plain' }],
    ['XML', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', { 'content-type': 'text/xml' }],
    ['no type', Buffer.from('grant_type=client_credentials'), {}],
  ] as const)
    await attack('TE-03', name, async (t) => {
      const answer = await send(tokenUrl, { method: 'POST', headers: { ...basic(SYNC), ...headers }, body })
      isRefused(t, answer, 'invalid_request', 415)
    })
})
