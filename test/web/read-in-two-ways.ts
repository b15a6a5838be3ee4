// SQLite alone: is about headers, bodies and cookies, which no database sees
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { appPath, startAdminApi } from '../fixtures/admin/admin.ts'
import { refusalsOf } from '../fixtures/answers/refusals.ts'
import { authorize } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../fixtures/clients/endpoints.ts'
import { type Answer, basic, encode, type Json, send } from '../fixtures/clients/http.ts'
import { METADATA } from '../fixtures/clients/registration.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'

const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open' })
const api = await startAdminApi(instance)
const TOKEN = encode({ grant_type: 'client_credentials' }).toString()
const FORM = 'application/x-www-form-urlencoded'

const post = (path: string, body: string | Buffer, headers: Readonly<Record<string, string>>): Promise<Answer> =>
  send(`${instance.issuer}${path}`, { method: 'POST', headers, body })

/** What the operator is told of the refusal of an answer. */
function causeOf({ json }: Answer): unknown {
  const told = refusalsOf(instance).find(({ refusal }) => refusal === json['refusal_id'])
  return (told?.['cause'] as Json | undefined)?.['cause']
}

await t.test('a body in another charset is refused, and the reason is told', async (t) => {
  for (const charset of ['iso-8859-1', 'UTF-16LE', '"windows-1252"', 'utf-7']) {
    for (const answer of [
      await post('/connect/token', TOKEN, { ...basic(SYNC), 'content-type': `${FORM}; charset=${charset}` }),
      await post('/connect/register', JSON.stringify(METADATA), {
        'content-type': `application/json;charset=${charset}`,
      }),
      await api.call('POST', '/apps', '{}', { 'content-type': `application/json; charset=${charset}` }),
    ]) {
      t.equal(answer.status, 415, answer.text)
      const { error_description: description, detail = description } = answer.json
      t.equal(detail, 'the body must be in UTF-8')
      const name = charset.replaceAll('"', '').toLowerCase()
      t.equal(causeOf(answer), `the charset of the body is "${name}"`)
    }
  }
  for (const charset of ['utf-8', 'UTF8', '"utf-8"', 'us-ascii']) {
    const answer = await post('/connect/token', TOKEN, {
      ...basic(SYNC),
      'content-type': `${FORM}; charset=${charset}`,
    })
    t.equal(answer.status, 200, charset)
  }
})

await t.test('a body whose bytes are no UTF-8 is refused, and nobody gets a name that they did not send', async (t) => {
  const latin = (text: string): Buffer => Buffer.from(text, 'latin1')
  const form = { ...basic(SYNC), 'content-type': FORM }
  const named = JSON.stringify({ ...METADATA, client_name: 'M\u00fcller' })
  const before = (await api.call('GET', '/apps')).text
  for (const answer of [
    await post('/connect/token', latin(`${TOKEN}&scope=M\u00fcller`), form),
    await post('/connect/token', `${TOKEN}&scope=M%FCller`, form),
    await post('/connect/token', `${TOKEN}&M%fcller=1`, form),
    await post('/connect/token', `${TOKEN}&scope=100%&x=%C3`, form),
    await post('/connect/token', `${TOKEN}&x=%ED%A0%80`, form),
    await post('/connect/register', latin(named), { 'content-type': 'application/json' }),
    await api.call('PATCH', appPath(WEB), latin('{"LogoUri":"https://x.example.com/\u00fc"}'), { 'if-match': '*' }),
  ]) {
    t.equal(answer.status, 400, answer.text)
    const { error_description: description, detail = description } = answer.json
    t.equal(detail, 'the body must be in UTF-8')
    t.equal(causeOf(answer), 'the bytes of the body, or those that are percent-encoded in it, are not UTF-8')
  }
  t.equal((await api.call('GET', '/apps')).text, before)
  const registered = await post('/connect/register', named, { 'content-type': 'application/json' })
  t.match(registered, { status: 201, json: { client_name: 'M\u00fcller' } }, 'in UTF-8 it is taken')
  for (const body of [`${TOKEN}&x=M%C3%BCller`, `${TOKEN}&x=M\u00fcller`, `${TOKEN}&x=100%`, `${TOKEN}&x=%zz`])
    t.equal((await post('/connect/token', body, form)).status, 200, body)
})

await t.test('a query whose encoded bytes are no UTF-8 is refused', async (t) => {
  const url = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT })
  for (const [end, status] of [
    ['M%FCller', 400],
    ['%C3', 400],
    ['%ED%A0%80', 400],
    ['%ff%', 400],
    ['M%C3%BCller', 303],
    ['100%', 303],
    ['%zz+%20', 303],
  ] as const) {
    const answer = await send(`${url}&login_hint=${end}`, { redirect: 'manual' })
    t.equal(answer.status, status, end)
    if (status === 400) t.match(answer.text, 'the query of the address must be percent-encoded UTF-8')
  }
  t.equal((await api.call('GET', '/users?login=M%FCller')).status, 400)
})

await t.test('a Basic header whose bytes are no UTF-8 names nobody', async (t) => {
  const authorization = `Basic ${Buffer.from('M\u00fcller:secret', 'latin1').toString('base64')}`
  const answer = await post('/connect/token', TOKEN, { 'content-type': FORM, authorization })
  t.match(answer, { status: 401, json: { error: 'invalid_client' } })
  t.notMatch(JSON.stringify(refusalsOf(instance)), '\ufffd')
})

await t.test('a packed body is refused, with what is taken instead', async (t) => {
  for (const packing of ['gzip', 'br', 'gzip, identity']) {
    for (const answer of [
      await post('/connect/token', gzipSync(TOKEN), {
        ...basic(SYNC),
        'content-type': FORM,
        'content-encoding': packing,
      }),
      await post('/connect/register', gzipSync(JSON.stringify(METADATA)), {
        'content-type': 'application/json',
        'content-encoding': packing,
      }),
      await api.call('PATCH', appPath(WEB), '{}', { 'content-encoding': packing }),
    ]) {
      t.equal(answer.status, 415, answer.text)
      const { error_description: description, detail = description } = answer.json
      t.equal(detail, 'the body must not be packed: leave Content-Encoding out')
      t.equal(causeOf(answer), `Content-Encoding is ${JSON.stringify(packing)}`)
      t.equal(answer.headers.get('accept-encoding'), 'identity')
    }
  }
  const plain = await post('/connect/token', TOKEN, {
    ...basic(SYNC),
    'content-type': FORM,
    'content-encoding': 'identity',
  })
  t.equal(plain.status, 200)
})

/** Sends bytes, and then another request as if the connection went on; resolves with all that came back once it is closed. */
const converse = (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port, hostname } = new URL(instance.origin)
    let heard = ''
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.on('data', (chunk) => {
      heard += chunk.toString()
    })
    socket.on('close', () => resolve(heard))
    socket.on('error', reject)
  })

await t.test('RFC 9112 §6.1 Transfer-Encoding in HTTP/1.0 is refused, and the connection ends', async (t) => {
  const { host } = new URL(instance.origin)
  const more = `GET /health/live HTTP/1.0\r\nHost: ${host}\r\nConnection: keep-alive\r\n\r\n`
  for (const length of ['', 'Content-Length: 5\r\n']) {
    const head = `POST /id/connect/token HTTP/1.0\r\nHost: ${host}\r\nConnection: keep-alive\r\nContent-Type: ${FORM}\r\n`
    const heard = await converse(`${head}${length}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${more}`)
    t.match(heard, /^HTTP\/1\.[01] 400 /)
    t.match(heard, /\r\nconnection: close\r\n/i)
    t.equal(heard.split('HTTP/1.').length, 2, 'what comes after it is not answered')
  }
})

await t.test('RFC 6265 §8.6 of two cookies of one name none counts', async (t) => {
  const browser = createBrowser(instance.origin)
  await authorize(instance, {}, { browser })
  const cookies = await browser.jar.getCookies(instance.origin)
  const value = (name: string) => cookies.find(({ key }) => key === name)?.value ?? ''
  const session = value('tessera-session')
  t.not(session, '')
  const silent = authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT, prompt: 'none' })
  const told = async (cookie: string): Promise<string | null> => {
    const { headers } = await send(silent, { headers: { cookie }, redirect: 'manual' })
    return new URL(headers.get('location') ?? 'x:').searchParams.get('error')
  }
  t.equal(await told(`tessera-session=${session}`), null)
  t.equal(await told(`other=1; tessera-session=${session}; xtessera-session=2`), null)
  for (const cookie of [
    `tessera-session=planted; tessera-session=${session}`,
    `tessera-session=${session}; tessera-session=planted`,
    `tessera-session=${session};tessera-session=${session}`,
    `tessera-session=${session}; tessera-session`,
  ])
    t.equal(await told(cookie), 'login_required', cookie.replaceAll(session, '...'))
})
