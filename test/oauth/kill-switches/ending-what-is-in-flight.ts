import t, { type Test } from 'tap'
import { endSessionsOfUser } from '../../../src/admin/grants/api-sessions.ts'
import { withdrawConsent } from '../../../src/admin/grants/consents.ts'
import { digest } from '../../../src/lib/crypto/secrets.ts'
import type { Store } from '../../../src/store/store.ts'
import { authorizeUrl } from '../../fixtures/clients/endpoints.ts'
import type { Answer } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'
import { ALIVE, type Code, createRelyingParty, lifeOf, webApp } from '../../fixtures/clients/relying-party.ts'
import { refusalOf, tokensOf } from '../../fixtures/clients/tokens.ts'
import { changedBy } from '../../fixtures/instance/changed-by.ts'
import { PASSWORD, startInstance } from '../../fixtures/instance/instance.ts'
import { cheapPasswords } from '../../fixtures/instance/passwords.ts'
import { WEB_REDIRECT } from '../../fixtures/instance/world.ts'
import type { View } from '../../fixtures/sign-in/browser.ts'
import { query } from '../../fixtures/store/database.ts'
import { createSteps, doneOrHeldUp } from '../../fixtures/store/step-by-step.ts'
import { askForSession, liveSessions, serveApi } from '../../fixtures/tokens/api-sessions.ts'

// Whatever ends what an app may do for a person happens before each single statement of a request in turn, and once more before its
// commit; and the request before each statement of what ends. Refused or answered: nothing that was granted under what was true
// before is good afterwards.

const APP = 'my.trusted.app/web'
const steps = createSteps()
const instance = await startInstance({ settings: { TESSERA_IMPLICIT: 'true' }, through: steps.through })
t.teardown(() => instance.close())
const { store } = instance.core
const steppedStore = steps.through(store)
const person = await instance.addUser({ login: 'david' })
await instance.addApp({
  ...webApp(APP),
  responseTypes: ['code', 'code id_token token', 'id_token token'],
  accessTokens: 'AuthenticatedUsers',
})
await serveApi(instance)
const david = createRelyingParty(instance, { clientId: APP, login: 'david' })
const samePassword = await cheapPasswords.hash(PASSWORD)
const by = () => changedBy('cli:test', instance.now())

interface Ending {
  readonly name: string
  readonly end: (store: Pick<Store, 'writeEnding'>) => Promise<unknown>
}

const WITHDRAWAL: Ending = {
  name: 'consent is taken back',
  end: ({ writeEnding }) => writeEnding((unit) => withdrawConsent(unit, { user: person.id, app: APP }, by())),
}
const SESSIONS_END: Ending = {
  name: 'sessions end with their tokens',
  end: ({ writeEnding }) => writeEnding((unit) => endSessionsOfUser(unit, person, true, by())),
}
const USER_OFF: Ending = {
  name: 'the user is disabled, and enabled again',
  async end({ writeEnding }) {
    await writeEnding(({ users }) => users.setEnabled(person.id, false, instance.now()))
    await writeEnding(({ users }) => users.setEnabled(person.id, true, instance.now()))
  },
}
const APP_OFF: Ending = {
  name: 'the app is disabled, and enabled again',
  async end({ writeEnding }) {
    await writeEnding(({ apps }) => apps.setEnabled(APP, false, instance.now()))
    await writeEnding(({ apps }) => apps.setEnabled(APP, true, instance.now()))
  },
}
const NEW_PASSWORD: Ending = {
  name: 'the user has a new password',
  end: ({ writeEnding }) => writeEnding(({ users }) => users.setPassword(person.id, samePassword, instance.now())),
}

/** What a request handed out, or had. */
interface Handed {
  readonly code?: Code | undefined
  readonly access?: string | undefined
  readonly refresh?: string | undefined
  readonly pat?: string | undefined
}

/** A request on its way. */
interface Flow {
  readonly name: string
  /** Whether it can be checked after the ending, and its answer be as good as one to a request that came later. */
  readonly begunAnew: (ending: Ending) => boolean
  /** Takes everything to where the request can be sent. */
  readonly prepare: () => Promise<(tell: (answer: string) => void) => Promise<Handed>>
}

const tokensIn = (answer: Answer): Handed => {
  if (answer.status !== 200) return {}
  const { access_token: access, refresh_token: refresh } = tokensOf(answer)
  return { access, refresh }
}
const toldOf = (answer: Answer): string => (answer.status === 200 ? 'tokens' : refusalOf(answer))

const REDEMPTION: Flow = {
  name: 'a redemption',
  begunAnew: () => false,
  async prepare() {
    const code = await david.obtainCode()
    return async (tell) => {
      const answer = await david.redeem(code)
      tell(toldOf(answer))
      return { code, ...tokensIn(answer) }
    }
  },
}
const REFRESH: Flow = {
  name: 'a refresh',
  begunAnew: () => false,
  async prepare() {
    const { access_token: access, refresh_token: refresh } = await david.obtainTokens()
    return async (tell) => {
      const answer = await david.refresh(refresh)
      tell(toldOf(answer))
      return { access, refresh, ...tokensIn(answer) }
    }
  },
}
const authorization = (responseType: string): Flow => ({
  name: `an authorization with response_type=${responseType}`,
  begunAnew: (ending) => ending !== WITHDRAWAL,
  async prepare() {
    await david.obtainCode()
    const request = { client_id: APP, redirect_uri: WEB_REDIRECT, scope: 'openid offline_access read', nonce: 'n' }
    const url = authorizeUrl(instance, { ...request, response_type: responseType })
    return async (tell) => {
      const { leftTo, page, status } = await david.browser.open(url)
      const answer = new URLSearchParams(leftTo?.hash.slice(1) || leftTo?.search)
      const shown = ['login-submit', 'consent-approve'].find((id) => page.querySelector(`#${id}`))
      tell(leftTo ? (answer.get('error') ?? 'an answer') : (shown ?? `a page with status ${status}`))
      const code = answer.get('code') ?? undefined
      return { code: plain(code), access: answer.get('access_token') ?? undefined }
    }
  },
})
const plain = (code: string | undefined): Code | undefined =>
  code === undefined ? undefined : { code, verifier: undefined as unknown as string, nonce: 'n' }

const PAT_ISSUE: Flow = {
  name: 'the issue of a personal access token',
  begunAnew: () => true,
  async prepare() {
    await david.obtainCode()
    const headers = {
      origin: instance.origin,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/json',
    }
    const init = { method: 'POST', headers, body: JSON.stringify({ app: APP }) }
    return async (tell) => {
      const answer = await david.browser.request(`${instance.origin}/profile/api/v1/tokens`, init)
      const { token: pat, detail } = (await answer.json()) as { token?: string; detail?: string }
      tell(detail ?? 'a token')
      return { pat }
    }
  },
}

/** The epochs that something granted hangs on. */
type Epochs = Readonly<Record<'app_epoch' | 'user_epoch' | 'session_epoch', number>>

const presentEpochs = async (): Promise<Epochs> => ({
  app_epoch: (await store.read.apps.find(APP))?.epoch ?? 0,
  user_epoch: (await store.read.users.find(person.id))?.epoch ?? 0,
  session_epoch: await store.read.sessionEpochs.find(APP, person.id),
})

async function wasGrantedUnder(table: string, key: string, value: string, epochs: Epochs): Promise<boolean> {
  const columns = `select app_epoch, user_epoch, session_epoch from ${table} where ${key} = ?`
  const [row] = await query<Epochs>(instance, columns, value)
  return row !== undefined && Object.entries(epochs).every(([name, epoch]) => row[name as keyof Epochs] === epoch)
}

const isActive = async (token: string): Promise<boolean> => (await david.introspect(token)).json['active'] === true

/** What of it still opens anything; where a request may be begun anew, what was granted under the epochs of before. */
async function whatLives({ code, access, refresh, pat }: Handed, before: Epochs | undefined): Promise<string[]> {
  const old = async (table: string, key: string, value: string): Promise<boolean> =>
    before === undefined || wasGrantedUnder(table, key, value, before)
  const lives: string[] = []
  const note = (what: string, isGood: boolean): void => void (isGood && lives.push(what))
  if (access !== undefined && (await old('token_families', 'family', familyOf(access)))) {
    note('access token at introspection', await isActive(access))
    note('access token at userinfo', (await david.userinfo(access)).status === 200)
  }
  if (pat !== undefined && (await old('reference_tokens', 'digest', digest(pat))))
    note('personal access token', await isActive(pat))
  if (refresh !== undefined) {
    note('refresh token at introspection', await isActive(refresh))
    note('refresh token', (await david.refresh(refresh)).status === 200)
  }
  if (code !== undefined && (await old('authorization_codes', 'digest', digest(code.code))))
    note('code', (await david.redeem(code)).status === 200)
  return lives
}

const familyOf = (access: string): string => claimsOf(access).jti?.split('.')[1] ?? ''

/** What happens at once: the one is taken step by step, and the other happens before one of its steps. */
interface Race {
  readonly stepped: () => Promise<unknown>
  readonly other: () => Promise<unknown>
  readonly check: () => Promise<unknown>
}

/** Runs a race as often as it has steps. */
async function explore(t: Test, prepare: (moment: number) => Promise<Race>): Promise<void> {
  let moment = 0
  for (let isThrough = false; !isThrough; ) {
    moment += 1
    const { stepped, other, check } = await prepare(moment)
    let happened: Promise<unknown> | undefined
    steps.arm(moment, async (place) => {
      happened = other()
      await doneOrHeldUp(instance.databaseUrl, happened, place)
    })
    await stepped()
    isThrough = !steps.disarm()
    await (happened ?? other())
    await check()
  }
  t.ok(moment > 3, `${moment} moments were tried`)
}

// Whether it is the request that is taken step by step, or the ending.
const BOTH_WAYS = [true, false]
const STEPS_OF_REQUEST = [true]

/** A request and an ending at once. @returns how the request was answered */
async function race(t: Test, ending: Ending, flow: Flow, ways = BOTH_WAYS): Promise<string[]> {
  const answers = new Set<string>()
  for (const isStepped of ways)
    await explore(t, async (moment) => {
      const send = await flow.prepare()
      const before = flow.begunAnew(ending) ? await presentEpochs() : undefined
      let handed: Handed = {}
      const request = async () => {
        handed = await send((answer) => answers.add(answer))
      }
      const end = () => ending.end(isStepped ? store : steppedStore)
      const what = `moment ${moment} of the ${isStepped ? 'request' : 'ending'}`
      return {
        ...(isStepped ? { stepped: request, other: end } : { stepped: end, other: request }),
        check: async () => t.strictSame(await whatLives(handed, before), [], what),
      }
    })
  t.equal(await lifeOf(david, await david.obtainTokens()), ALIVE, 'what begins afterwards goes on')
  return [...answers].sort()
}

/** The consent page for more than was allowed before, and its Allow button. */
async function atConsentPage(): Promise<() => Promise<View>> {
  if (await store.read.consents.find(person.id, APP)) await WITHDRAWAL.end(store)
  await david.authorize({ scope: 'openid' })
  const request = { client_id: APP, redirect_uri: WEB_REDIRECT, scope: 'openid offline_access read' }
  const page = await david.browser.open(authorizeUrl(instance, request))
  return () => david.browser.submit(page, 'consent-approve')
}

await t.test('an app that holds nothing of the person yet', async (t) => {
  await race(t, SESSIONS_END, authorization('code'))
})

await t.test('a consent that is being given while all are taken back', async (t) => {
  for (const isStepped of BOTH_WAYS)
    await explore(t, async () => {
      const approve = await atConsentPage()
      let code: string | undefined
      const request = async () => {
        code = (await approve()).leftTo?.searchParams.get('code') ?? undefined
      }
      const end = () => WITHDRAWAL.end(isStepped ? store : steppedStore)
      return {
        ...(isStepped ? { stepped: request, other: end } : { stepped: end, other: request }),
        async check() {
          t.equal(await store.read.consents.find(person.id, APP), undefined, 'is taken back as well, or asked for anew')
          t.strictSame(await whatLives({ code: plain(code) }, undefined), [])
        },
      }
    })
})

await t.test('an API session that is being opened while all are ended', async (t) => {
  for (const ending of [WITHDRAWAL, SESSIONS_END])
    for (const isStepped of BOTH_WAYS)
      await explore(t, async () => {
        const { access_token: access } = await david.obtainTokens()
        const request = () => askForSession(instance, access)
        const end = () => ending.end(isStepped ? store : steppedStore)
        return {
          ...(isStepped ? { stepped: request, other: end } : { stepped: end, other: request }),
          check: async () => t.strictSame(await liveSessions(instance), [], ending.name),
        }
      })
})

// How the requests are answered, at one moment or another.
const ENDED = {
  code: '400 invalid_grant: the code was ended before it was redeemed',
  refresh: '400 invalid_grant: the refresh token was revoked',
  pat: 'app: the access of the app as david was ended while this token was being created; ask again if it is still wanted',
}
const changed = (what: string): string =>
  `400 invalid_grant: the app or the user was changed or disabled after the ${what} was issued`
const HYBRID = authorization('code id_token token')
const IMPLICIT = authorization('id_token token')

// What a kill switch does is one statement.
const waysOf = (ending: Ending) => (ending === WITHDRAWAL || ending === SESSIONS_END ? BOTH_WAYS : STEPS_OF_REQUEST)

const RACES: readonly (readonly [Ending, Flow, ...string[]])[] = [
  [WITHDRAWAL, REDEMPTION, ENDED.code, 'tokens'],
  [WITHDRAWAL, HYBRID, 'an answer', 'consent-approve'],
  [WITHDRAWAL, IMPLICIT, 'an answer', 'consent-approve'],
  [WITHDRAWAL, REFRESH, ENDED.refresh, 'tokens'],
  [WITHDRAWAL, PAT_ISSUE, 'a token', ENDED.pat],
  [SESSIONS_END, REDEMPTION, ENDED.code, 'tokens'],
  [SESSIONS_END, HYBRID, 'an answer'],
  [SESSIONS_END, REFRESH, ENDED.refresh, 'tokens'],
  [SESSIONS_END, PAT_ISSUE, 'a token', ENDED.pat],
  [USER_OFF, REDEMPTION, changed('code'), 'tokens'],
  [USER_OFF, HYBRID, 'an answer', 'login-submit'],
  [APP_OFF, REDEMPTION, changed('code'), 'tokens'],
  [APP_OFF, HYBRID, 'an answer'],
  [NEW_PASSWORD, REDEMPTION, changed('code'), 'tokens'],
  [NEW_PASSWORD, HYBRID, 'an answer', 'login-submit'],
  [NEW_PASSWORD, REFRESH, changed('refresh token'), 'tokens'],
]
for (const [ending, flow, ...answers] of RACES)
  await t.test(`${ending.name}, beside ${flow.name}`, async (t) =>
    t.strictSame(
      await race(t, ending, flow, waysOf(ending)),
      answers,
      'nobody is taken for a thief, and each learns what is true',
    ),
  )
