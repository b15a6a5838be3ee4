import type { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import * as grantsInFlight from '../../../db/migrations/0009-grants-in-flight.ts'
import { withdrawConsent } from '../../../src/admin/grants/consents.ts'
import { APP_DEFAULTS } from '../../../src/domain/apps/trusted-application.ts'
import type { Repositories } from '../../../src/store/store.ts'
import { openPlace } from '../../../src/store/transfer/place.ts'
import { authorizeUrl, endSessionUrl } from '../../fixtures/clients/endpoints.ts'
import { ALIVE, createRelyingParty, DEAD, lifeOf, webApp } from '../../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../../fixtures/clients/tokens.ts'
import { changedBy } from '../../fixtures/instance/changed-by.ts'
import { type Instance, startInstance } from '../../fixtures/instance/instance.ts'
import { WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import { alter } from '../../fixtures/store/database.ts'

const APP = 'my.trusted.app/web'
const OTHER = 'my.trusted.app/other'

const APP_IS_OFF = '401 invalid_client: the app is unknown, or its authentication is wrong or missing'
const changedSince = (what: 'code' | 'refresh token'): string =>
  `400 invalid_grant: the app or the user was changed or disabled after the ${what} was issued`
const unknown = (what: 'code' | 'refresh token'): string => `400 invalid_grant: the ${what} is unknown`

interface Switch {
  readonly name: string
  readonly turn: (unit: Repositories, userId: string, now: number) => Promise<void>
  readonly refused: (what: 'code' | 'refresh token') => string
  /** What another app learns that asks silently. */
  readonly silently: 'consent_required' | 'login_required'
}

const SWITCHES: readonly Switch[] = [
  {
    name: 'PT-07: the app is disabled',
    turn: ({ apps }, _, now) => apps.setEnabled(APP, false, now),
    refused: () => APP_IS_OFF,
    silently: 'consent_required',
  },
  {
    name: 'PT-07: the app is disabled and enabled again',
    async turn({ apps }, _, now) {
      await apps.setEnabled(APP, false, now)
      await apps.setEnabled(APP, true, now)
    },
    refused: changedSince,
    silently: 'consent_required',
  },
  {
    name: 'PT-08: the user is disabled',
    turn: ({ users }, id, now) => users.setEnabled(id, false, now),
    refused: changedSince,
    silently: 'login_required',
  },
  {
    name: 'PT-08: the user is disabled and enabled again',
    async turn({ users }, id, now) {
      await users.setEnabled(id, false, now)
      await users.setEnabled(id, true, now)
    },
    refused: changedSince,
    silently: 'login_required',
  },
  {
    name: 'RT-08: the user has a new password',
    turn: ({ users }, id, now) => users.setPassword(id, 'another hash', now),
    refused: changedSince,
    silently: 'login_required',
  },
  {
    name: 'RT-08, CO-11, CS-10: consent is taken back',
    turn: async (unit, user, now) => void (await withdrawConsent(unit, { user, app: APP }, changedBy('test', now))),
    refused: (what) =>
      what === 'code'
        ? '400 invalid_grant: the code was ended before it was redeemed'
        : '400 invalid_grant: the refresh token was revoked',
    silently: 'consent_required',
  },
  {
    name: 'JW-17: the user is removed',
    turn: ({ users }, id, now) => users.remove(id, now),
    refused: unknown,
    silently: 'login_required',
  },
]

async function start(t: Test): Promise<Instance & { readonly davidId: string }> {
  const instance = await startInstance()
  t.teardown(() => instance.close())
  const { id: davidId } = await instance.addUser({ login: 'david' })
  await instance.addUser({ login: 'maria' })
  await instance.addApp(webApp(APP))
  await instance.addApp(webApp(OTHER))
  return { ...instance, davidId }
}

for (const { name, turn, refused, silently } of SWITCHES) {
  await t.test(name, async (t) => {
    const instance = await start(t)
    const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
    const maria = createRelyingParty(instance, { clientId: OTHER, login: 'maria' })
    const hers = await maria.obtainTokens()
    const first = await david.obtainTokens()
    const second = tokensOf(await david.refresh(first.refresh_token))
    const code = await david.obtainCode()
    t.equal(await lifeOf(david, second), ALIVE)

    await instance.core.store.write((unit) => turn(unit, instance.davidId, instance.now()))

    t.equal(refusalOf(await david.redeem(code)), refused('code'))
    t.equal(refusalOf(await david.refresh(second.refresh_token)), refused('refresh token'))
    t.equal(
      refusalOf(await david.refresh(first.refresh_token)),
      refused('refresh token'),
      'nor is an answer given again',
    )
    t.equal((await david.userinfo(first.access_token)).status, 401)
    t.equal((await david.userinfo(second.access_token)).status, 401)
    if (refused('code') === APP_IS_OFF) t.equal(refusalOf(await david.introspect(second.access_token)), APP_IS_OFF)
    else t.equal(await lifeOf(david, second), DEAD)

    const request = { client_id: OTHER, redirect_uri: WEB_REDIRECT, prompt: 'none' }
    const silent = await david.browser.open(authorizeUrl(instance, request))
    t.equal(silent.leftTo?.searchParams.get('error'), silently, 'the sign-in session is the person’s, not the app’s')

    t.equal(await lifeOf(maria, hers), ALIVE, 'others go on')
    t.equal((await maria.refresh(hers.refresh_token)).status, 200)
  })
}

await t.test('PT-07: after the app is enabled again people sign in anew', async (t) => {
  const instance = await start(t)
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  const before = await david.obtainTokens()
  const { store } = instance.core
  await store.write(({ apps }) => apps.setEnabled(APP, false, instance.now()))
  const closed = await david.browser.open(authorizeUrl(instance, { client_id: APP, redirect_uri: WEB_REDIRECT }))
  t.equal(closed.status, 400)
  t.equal(closed.leftTo, undefined, 'AU-01: a page, no redirect')
  await store.write(({ apps }) => apps.setEnabled(APP, true, instance.now()))
  t.equal(await lifeOf(david, await david.obtainTokens()), ALIVE)
  t.equal(await lifeOf(david, before), DEAD, 'which revives nothing')
})

await t.test('PT-07, PT-08: a service', async (t) => {
  const instance = await start(t)
  const svc = await instance.addUser({ login: 'svc', type: 'SystemUserNoLogin' })
  await instance.addApp({ applicationUri: 'sync', systemUserAllowed: true, systemUser: svc.id, scope: ['read'] })
  const sync = createRelyingParty(instance, { clientId: 'sync', login: 'svc' })
  const ask = () => sync.requestToken({ grant_type: 'client_credentials' })
  const fetchToken = async () => String((await ask()).json['access_token'])
  const isActive = async (token: string) => (await sync.introspect(token)).json['active']
  const { store } = instance.core

  const first = await fetchToken()
  t.equal(await isActive(first), true)
  await store.write(({ users }) => users.setEnabled(svc.id, false, instance.now()))
  t.equal(await isActive(first), false)
  t.equal(refusalOf(await ask()), '400 unauthorized_client: the System User of the app is disabled')
  await store.write(({ users }) => users.setEnabled(svc.id, true, instance.now()))
  t.equal(await isActive(first), false, 'enabling again revives nothing')

  const second = await fetchToken()
  await store.write(({ apps }) => apps.setEnabled('sync', false, instance.now()))
  t.equal(refusalOf(await ask()), APP_IS_OFF)
  await store.write(({ apps }) => apps.setEnabled('sync', true, instance.now()))
  t.equal(await isActive(second), false)
  t.equal(await isActive(await fetchToken()), true)
})

await t.test('CO-11: the person signed out after the code was issued', async (t) => {
  const instance = await start(t)
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  const code = await david.obtainCode()
  const out = await david.browser.open(endSessionUrl(instance))
  await david.browser.submit(out, 'logout-confirm')
  t.equal(refusalOf(await david.redeem(code)), '400 invalid_grant: the person signed out after the code was issued')
})

await t.test('CO-11, RT-08: the app no longer admits such people', async (t) => {
  const instance = await start(t)
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  const tokens = await david.obtainTokens()
  const code = await david.obtainCode()
  const record = {
    ...APP_DEFAULTS,
    ...webApp(APP),
    name: APP,
    clientType: 'Confidential' as const,
    impersonateAsInternalUserAllowed: false,
    impersonateAsCommunityUserAllowed: true,
  }
  await instance.core.store.write(({ apps }) => apps.update(record, instance.now()))
  t.equal(refusalOf(await david.refresh(tokens.refresh_token)), changedSince('refresh token'))
  t.equal(refusalOf(await david.redeem(code)), changedSince('code'))
})

await t.test('what lives when an instance is brought up to date lives on, and ends as it would have', async (t) => {
  const instance = await start(t)
  const take = () =>
    instance.core.store.write((unit) =>
      withdrawConsent(unit, { user: instance.davidId, app: APP }, changedBy('test', instance.now())),
    )
  const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
  const before = await david.obtainTokens()
  await take()
  const tokens = await david.obtainTokens()
  const code = await david.obtainCode()
  const maria = createRelyingParty(instance, { clientId: OTHER, login: 'maria' })
  const hers = await maria.obtainTokens()

  for (const table of ['authorization_codes', 'token_families', 'reference_tokens'])
    await alter(instance, `alter table ${table} drop column session_epoch`)
  const { db, close } = openPlace(instance.databaseUrl, 'write')
  await grantsInFlight.up(db as unknown as Kysely<unknown>)
  await close()

  t.equal(await lifeOf(david, before), DEAD)
  t.equal(await lifeOf(david, tokens), ALIVE)
  t.equal(await lifeOf(david, tokensOf(await david.redeem(code))), ALIVE)
  t.equal(await lifeOf(maria, hers), ALIVE, 'also where nothing was ever ended')
  await take()
  t.equal(await lifeOf(david, tokens), DEAD)
  t.equal(await lifeOf(maria, hers), ALIVE)
})
