import t, { type Test } from 'tap'
import type { AppRegistration } from '../../../src/domain/apps/trusted-application.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import { ALIVE, createRelyingParty, DEAD, lifeOf, webApp } from '../../fixtures/clients/relying-party.ts'
import { refusalOf } from '../../fixtures/clients/tokens.ts'
import { type Instance, startInstance } from '../../fixtures/instance/instance.ts'
import { WEB_REDIRECT } from '../../fixtures/instance/world.ts'

const APP = 'my.trusted.app/web'
const APP_IS_OFF = '401 invalid_client: the app is unknown, or its authentication is wrong or missing'
const changedSince = (what: 'code' | 'refresh token'): string =>
  `400 invalid_grant: the app or the user was changed or disabled after the ${what} was issued`
const unknown = (what: 'code' | 'refresh token'): string => `400 invalid_grant: the ${what} is unknown`

async function start(t: Test): Promise<Instance> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  await instance.addUser({ login: 'david' })
  await instance.addApp(webApp(APP))
  return instance
}

/** Changes the record of an app, as the administrator does. */
async function change(instance: Instance, applicationUri: string, changes: Partial<AppRegistration>): Promise<void> {
  await instance.core.store.write(async ({ apps }) => {
    const app = await apps.find(applicationUri)
    if (!app) throw new Error('no app')
    const { isEnabled, epoch, secrets, ...record } = app
    await apps.update({ ...record, ...changes }, instance.now())
  })
}

async function startService(t: Test) {
  const instance = await start(t)
  const svc = await instance.addUser({ login: 'svc', type: 'SystemUserNoLogin' })
  const record = { applicationUri: 'sync', systemUserAllowed: true, systemUser: svc.id, scope: ['read', 'update'] }
  await instance.addApp(record)
  const sync = createRelyingParty(instance, { clientId: 'sync', login: 'svc' })
  const fetchToken = async () =>
    String((await sync.requestToken({ grant_type: 'client_credentials' })).json['access_token'])
  const introspect = async (token: string) => (await sync.introspect(token)).json
  return { instance, record, sync, fetchToken, introspect }
}

await t.test('PT-07: an app that is removed and registered again knows nothing of what it had', async (t) => {
  await t.test('a service', async (t) => {
    const { instance, record, fetchToken, introspect } = await startService(t)
    const before = await fetchToken()
    t.equal((await introspect(before))['active'], true)
    // Every switch moves the epoch on, so that a fresh record could catch up with it.
    const flip = () =>
      instance.core.store.write(async ({ apps }) => {
        await apps.setEnabled('sync', false, instance.now())
        await apps.setEnabled('sync', true, instance.now())
      })
    for (let times = 0; times < 3; times++) await flip()
    const after = await fetchToken()
    instance.advance(60_000)
    await instance.core.store.write(({ apps }) => apps.remove('sync', instance.now()))
    await instance.addApp(record)
    t.equal((await introspect(await fetchToken()))['active'], true)
    for (let times = 0; times < 8; times++) {
      for (const token of [before, after]) t.strictSame(await introspect(token), { active: false })
      await flip()
    }
  })

  await t.test('people', async (t) => {
    const instance = await start(t)
    const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
    const [tokens, code] = [await david.obtainTokens(), await david.obtainCode()]
    await instance.core.store.write(({ apps }) => apps.remove(APP, instance.now()))
    await instance.addApp(webApp(APP))
    t.equal(await lifeOf(david, tokens), DEAD)
    t.equal(refusalOf(await david.refresh(tokens.refresh_token)), unknown('refresh token'))
    t.equal(refusalOf(await david.redeem(code)), unknown('code'))
    const silent = await david.browser.open(
      authorizeUrl(instance, { client_id: APP, redirect_uri: WEB_REDIRECT, prompt: 'none' }),
    )
    t.equal(silent.leftTo?.searchParams.get('error'), 'consent_required', 'the new app is allowed nothing yet')
  })
})

await t.test('a service whose record no longer lets it act', async (t) => {
  const { instance, record, sync, fetchToken, introspect } = await startService(t)
  const ask = () => sync.requestToken({ grant_type: 'client_credentials' })
  const first = await fetchToken()
  await change(instance, 'sync', { systemUserAllowed: false })
  t.strictSame(await introspect(first), { active: false })
  t.equal(refusalOf(await ask()), '400 unauthorized_client: the app may not act on its own')
  await change(instance, 'sync', { systemUserAllowed: true })

  const second = await fetchToken()
  const another = await instance.addUser({ login: 'svc.other', type: 'SystemUserNoLogin' })
  await change(instance, 'sync', { systemUser: another.id })
  t.strictSame(await introspect(second), { active: false })
  const third = await fetchToken()
  t.match(await introspect(third), { active: true, client_system_user: 'svc.other' })
  await change(instance, 'sync', { systemUser: record.systemUser })
  for (const token of [first, second, third]) t.strictSame(await introspect(token), { active: false })
  const fourth = await fetchToken()
  await change(instance, 'sync', { systemUser: undefined })
  t.strictSame(await introspect(fourth), { active: false })
  t.equal(refusalOf(await ask()), '400 unauthorized_client: the app has no System User')
})

await t.test('PT-07: internal users are no longer admitted', async (t) => {
  const instance = await start(t)
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  const tokens = await david.obtainTokens()
  t.equal(await lifeOf(david, tokens), ALIVE)
  await change(instance, APP, { impersonateAsInternalUserAllowed: false, impersonateAsCommunityUserAllowed: true })
  t.equal(await lifeOf(david, tokens), DEAD)
  await change(instance, APP, { impersonateAsInternalUserAllowed: false, impersonateAsCommunityUserAllowed: false })
  t.equal(await lifeOf(david, tokens), DEAD)
})

await t.test('a Confidential app becomes Public: what it got with its secret ends', async (t) => {
  const instance = await start(t)
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  const spa = createRelyingParty(instance, { clientId: APP, login: 'david', secret: undefined })
  const [tokens, code] = [await david.obtainTokens(), await david.obtainCode()]
  await change(instance, APP, { clientType: 'Public' })
  t.equal(refusalOf(await david.refresh(tokens.refresh_token)), APP_IS_OFF, 'its secret is refused')
  t.equal(refusalOf(await spa.refresh(tokens.refresh_token)), changedSince('refresh token'))
  t.equal(refusalOf(await spa.redeem(code)), changedSince('code'))
  t.equal((await david.userinfo(tokens.access_token)).status, 401)
  t.equal((await spa.userinfo((await spa.obtainTokens()).access_token)).status, 200, 'people sign in anew')
  await change(instance, APP, { clientType: 'Confidential' })
  t.equal(await lifeOf(david, tokens), DEAD, 'back again revives nothing')
})

await t.test('a scope that leaves the record leaves every token', async (t) => {
  const instance = await start(t)
  const scope = 'openid offline_access read update'
  const david = createRelyingParty(instance, { clientId: APP, login: 'david', scope })
  const tokens = await david.obtainTokens()
  const scopes = async () => [
    (await david.introspect(tokens.access_token)).json['scope'],
    (await david.introspect(tokens.refresh_token)).json['scope'],
  ]
  t.strictSame(await scopes(), [scope, scope])
  await change(instance, APP, { scope: ['read'] })
  t.strictSame(await scopes(), ['openid offline_access read', 'openid offline_access read'])
  t.equal(await lifeOf(david, tokens), ALIVE)
  await change(instance, APP, { scope: [] })
  t.strictSame(await scopes(), ['openid offline_access', 'openid offline_access'])

  const service = await startService(t)
  const token = await service.fetchToken()
  await change(service.instance, 'sync', { scope: ['update'] })
  t.match(await service.introspect(token), { active: true, scope: 'update' })
})
