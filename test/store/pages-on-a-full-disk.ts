// SQLite alone: is about the disk under the file of SQLite
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PKCE } from '../fixtures/clients/code-flow.ts'
import { authorizeUrl, endSessionUrl } from '../fixtures/clients/endpoints.ts'
import { basic, postForm } from '../fixtures/clients/http.ts'
import { METADATA, manage, registerClient } from '../fixtures/clients/registration.ts'
import { createRelyingParty } from '../fixtures/clients/relying-party.ts'
import { eventually } from '../fixtures/instance/eventually.ts'
import { PASSWORD } from '../fixtures/instance/instance.ts'
import { addApp, addPerson, prepareSite, serve } from '../fixtures/instance/server-process.ts'
import { WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { type Browser, createBrowser, type View } from '../fixtures/sign-in/browser.ts'
import { query } from '../fixtures/store/database.ts'
import { fillDisk, smallDisk } from '../fixtures/store/small-disk.ts'

const WEB = 'my.trusted.app/web'
const WAIT = /too busy or under maintenance at the moment\. Please try again in a few minutes/

await t.test('what people send from a page while the disk is full', async (t) => {
  const disk = smallDisk(t, 32)
  if (disk === undefined) {
    t.comment('a tmpfs cannot be mounted here: only root may')
    return
  }
  const site = await prepareSite(t, { TESSERA_DATA_DIR: disk, TESSERA_REGISTRATION: 'open' })
  for (const login of ['david', 'anna', 'carla']) await addPerson(site, login, PASSWORD)
  const flags = ['--web', '--redirect-uri', WEB_REDIRECT, '--set', 'AccessTokens=AuthenticatedUsers']
  const secret = await addApp(site, WEB, ...flags)
  const server = await serve(t, site)
  const kept = { databaseUrl: `file:${join(disk, 'tessera.db')}` }
  const url = authorizeUrl(site, { client_id: WEB, redirect_uri: WEB_REDIRECT, scope: 'openid read', ...PKCE })
  const asAnna = { username: 'anna', password: PASSWORD }

  const [stranger, anna, carla] = [0, 1, 2].map(() => createBrowser(site.origin)) as [Browser, Browser, Browser]
  const signIn = await stranger.open(url)
  const consent = await anna.submit(await anna.open(url), 'login-submit', asAnna)
  t.ok(consent.page.querySelector('#consent-approve'), 'anna is asked')
  const party = createRelyingParty(site, { clientId: WEB, login: 'david', secret })
  const own = await registerClient(site)
  await createRelyingParty(site, { clientId: WEB, login: 'carla', secret }, carla).obtainTokens()

  /** The request of the profile page that makes a token. */
  const makeToken = (): Promise<Response> =>
    party.browser.request(`${site.origin}/profile/api/v1/tokens`, {
      method: 'POST',
      headers: { origin: site.origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
      body: JSON.stringify({ app: WEB, scope: 'read' }),
    })
  const written = async () => ({
    sessions: await query(kept, 'select sid from sign_in_sessions'),
    consents: await query(kept, 'select user_id, scope from consents'),
    codes: await query(kept, 'select digest from authorization_codes'),
    apps: await query(kept, 'select application_uri, updated_at from trusted_applications'),
    slots: await query(kept, 'select id from api_sessions'),
    pats: await query(kept, 'select id from reference_tokens'),
  })
  const events = async (event: string): Promise<number> =>
    (await query(kept, 'select id from audit_events where event = ?', event)).length

  let { refresh_token: token, access_token: access } = await party.obtainTokens()
  const granted = await events('consent_granted')
  const filler = join(disk, 'filler')
  fillDisk(filler)
  // The log that is written to has room for some more.
  for (let tries = 0; tries < 500; tries++) {
    const answer = await party.refresh(token)
    if (answer.status !== 200) break
    token = String(answer.json['refresh_token'])
    access = String(answer.json['access_token'])
  }

  const before = await written()
  const told = (t: Test, view: View): string => {
    t.equal(view.status, 503)
    t.ok(view.headers.get('retry-after'))
    t.match(view.page.text, WAIT, 'it says what to do')
    t.notMatch(view.page.text, /SQLITE|disk/, 'and nothing of what is inside')
    return view.page.querySelector('#refusal-id')?.text.trim() ?? ''
  }
  const ids: string[] = []
  await t.test('a sign-in', async (t) => {
    ids.push(told(t, await stranger.submit(signIn, 'login-submit', { username: 'david', password: PASSWORD })))
  })
  await t.test('a consent', async (t) => void ids.push(told(t, await anna.submit(consent, 'consent-approve'))))
  await t.test('a personal access token', async (t) => {
    const answer = await makeToken()
    t.equal(answer.status, 503)
    t.match(await answer.text(), /the database cannot be written right now; try again shortly/)
  })
  await t.test('a registration by an app itself', async (t) => {
    const body = JSON.stringify({ redirect_uris: [WEB_REDIRECT] })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${site.origin}/id/connect/register`, { method: 'POST', headers, body })
    t.equal(answer.status, 503)
    t.match(await answer.json(), { error: 'temporarily_unavailable' })
  })
  await t.test('a change that it makes of itself', async (t) => {
    const answer = await manage(own, 'PUT', { ...METADATA, client_id: own.client_id, client_name: 'Another' })
    t.equal(answer.status, 503, answer.text)
  })
  await t.test('the first call of an API', async (t) => {
    const answer = await postForm(`${site.issuer}/connect/session`, { token: access }, basic(WEB, secret))
    t.equal(answer.status, 503, answer.text)
  })
  t.strictSame(await written(), before, 'nothing is half done')

  await t.test('a sign-out ends the session all the same', async (t) => {
    const asked = await carla.open(endSessionUrl(site))
    const left = await carla.submit(asked, 'logout-confirm')
    t.equal(left.status, 200)
    t.equal((await carla.request(`${site.origin}/profile/api/v1/tokens`)).status, 401)
  })

  rmSync(filler)
  t.equal(
    await eventually(
      async () => (await makeToken()).status,
      (status) => status === 201,
      10_000,
    ),
    201,
  )
  await t.test('sent once more, the very pages go through', async (t) => {
    const [asked, allowed] = [
      await stranger.submit(signIn, 'login-submit', { username: 'david', password: PASSWORD }),
      await anna.submit(consent, 'consent-approve'),
    ]
    for (const view of [asked, allowed]) t.ok(view.leftTo?.searchParams.get('code'), view.text)
  })
  await t.test('and what was refused, and what was done, is on record', async (t) => {
    t.equal(await events('consent_granted'), granted + 1, 'the consent that was refused was never granted')
    for (const id of ids)
      t.ok(
        server.lines.some((line) => line.includes(`"${id}"`)),
        `the log has refusal ${id}`,
      )
  })
  server.kill('SIGTERM')
  t.strictSame(await server.ended(), { code: 0, signal: null }, server.stderr())
})
