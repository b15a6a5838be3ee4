import t from 'tap'
import { auditOf, isProblem, startAdminApi, TOOL } from '../fixtures/admin/admin.ts'
import { matchesWhole } from '../fixtures/answers/matches-whole.ts'
import { documentOf, tesseraOn, words } from '../fixtures/cli/cli.ts'
import { bearer, send } from '../fixtures/clients/http.ts'
import { startWorld } from '../fixtures/instance/world.ts'
import { lockOut } from '../fixtures/sign-in/lock-out.ts'

const { instance, david } = await startWorld(t, { TESSERA_REGISTRATION: 'token' })
const admin = await startAdminApi(instance)
const tessera = tesseraOn(instance)
const HOUR = 3_600_000

await t.test('a person who was locked out signs in again at once', async (t) => {
  t.ok((await lockOut(instance, 'david')).page.querySelector('#login-submit'), 'locked')
  const unlocked = await admin.post('/users/DAVID/unlock')
  t.equal(unlocked.status, 200, unlocked.text)
  t.strictSame(unlocked.json, { id: david.id, login: 'david', unlocked: true })
  t.match((await admin.post('/users/david/unlock')).json, { unlocked: false }, 'nothing is counted any more')
  const events = (await auditOf(instance, { user: david.id })).filter(({ event }) => event === 'user_unlocked')
  matchesWhole(t, events, [{ actor: `app:${TOOL}`, user: david.id }])
  isProblem(t, instance, await admin.post('/users/davit/unlock'), { status: 404, type: 'not-found' })
})

await t.test('a new signing key is published now and signs later, as tessera key rotate has it', async (t) => {
  instance.advance(60_000)
  const rotated = await admin.post('/keys', { publishFor: '2h' })
  t.equal(rotated.status, 201, rotated.text)
  const signsFrom = new Date(instance.now() + 2 * HOUR).toISOString()
  matchesWhole(t, rotated.json, { algorithm: 'RS256', state: 'next', signsFrom, retiresAt: null })
  const { items } = (await admin.get('/keys')).json as { items: object[] }
  t.strictSame(items[0], rotated.json, 'the newest of the list')
  isProblem(t, instance, await admin.post('/keys', { publishFor: '2h' }), {
    status: 409,
    type: 'conflict',
    errors: [
      `publishFor: ${rotated.json['kid']} is already published and signs from ${signsFrom}; force publishes another key, which takes over when you say`,
    ],
  })
  isProblem(t, instance, await admin.post('/keys', { publishFor: '1m' }), {
    status: 422,
    type: 'impossible-record',
    errors: ['publishFor: must be 5m or more, as verifiers may cache the key set for 5 minutes; force overrides this'],
  })
  isProblem(t, instance, await admin.post('/keys', { publishFor: 'soon' }), { status: 422, type: 'impossible-record' })
  isProblem(t, instance, await admin.post('/keys', { algorithm: 'none' }), { status: 400, type: 'malformed-request' })
  const forced = await admin.post('/keys', { algorithm: 'ES256', publishFor: '0', force: true })
  matchesWhole(t, forced.json, { algorithm: 'ES256', state: 'active' })
  const events = (await auditOf(instance, {})).filter(({ event }) => event === 'key_rotated')
  matchesWhole(t, events, [
    { actor: `app:${TOOL}`, detail: { kid: rotated.json['kid'], algorithm: 'RS256', signsFrom } },
    { actor: `app:${TOOL}`, detail: { kid: forced.json['kid'], algorithm: 'ES256' } },
  ])
})

await t.test('initial access tokens are created, listed and revoked', async (t) => {
  t.strictSame((await admin.get('/registration-tokens')).json, { items: [], next: null })
  const made = await admin.post('/registration-tokens', { label: 'shop team', expires: '30d', uses: 2 })
  t.equal(made.status, 201, made.text)
  const { token, warnings, ...shown } = made.json
  matchesWhole(t, shown, {
    label: 'shop team',
    created_by: `app:${TOOL}`,
    expires_at: new Date(instance.now() + 30 * 24 * HOUR).toISOString(),
    uses_left: 2,
    state: 'live',
  })
  t.strictSame(warnings, [])
  const register = () =>
    send(`${instance.issuer}/connect/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(String(token)) },
      body: JSON.stringify({ redirect_uris: ['https://own.example.com/cb'], client_name: 'Own' }),
    })
  t.equal((await register()).status, 201, 'it lets an app register itself')
  const usual = await admin.post('/registration-tokens', {})
  matchesWhole(t, usual.json, { label: null, uses_left: 1 }, 'a week, and one app')
  matchesWhole(t, (await admin.post('/registration-tokens', { uses: null })).json, { uses_left: null })
  const page = await admin.get('/registration-tokens?limit=2')
  matchesWhole(t, page.json, { items: [{ uses_left: null }, { uses_left: 1 }], next: String })
  const rest = await admin.get(`/registration-tokens?cursor=${page.json['next']}`)
  t.strictSame(rest.json, { items: [{ ...shown, uses_left: 1 }], next: null })
  t.notMatch(page.text + rest.text, String(token))
  t.strictSame(
    await documentOf(tessera(words('registration token list --json'))),
    [...(page.json['items'] as object[]), ...(rest.json['items'] as object[])],
    'as the command line has it',
  )
  t.equal((await admin.remove(`/registration-tokens/${shown['id']}`)).status, 204)
  t.equal((await register()).status, 401)
  isProblem(t, instance, await admin.remove(`/registration-tokens/${shown['id']}`), { status: 404, type: 'not-found' })
  for (const body of [{ uses: 0 }, { expires: 7 }, { unlimited: true }])
    isProblem(t, instance, await admin.post('/registration-tokens', body), { status: 400, type: 'malformed-request' })
  for (const body of [{ expires: '400d' }, { expires: 'soon' }, { label: 'a\u0000b' }])
    isProblem(t, instance, await admin.post('/registration-tokens', body), { status: 422, type: 'impossible-record' })
  const events = (await auditOf(instance, {})).filter(({ event }) => event.startsWith('initial_access_token'))
  t.strictSame(
    events.map(({ event, actor }) => `${event} ${actor}`),
    [...Array(3).fill(`initial_access_token_created app:${TOOL}`), `initial_access_token_revoked app:${TOOL}`],
  )
})
