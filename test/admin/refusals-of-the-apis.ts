import t from 'tap'
import type { RefusalRule } from '../../src/domain/refusals/refusal-rule.ts'
import { explainRefusal } from '../../src/operations/refusals/explain-refusal.ts'
import { API_REMEDIES } from '../../src/operations/refusals/remedies/api-remedies.ts'
import { appPath, createAdminApi, startAdminApi } from '../fixtures/admin/admin.ts'
import { tesseraOn } from '../fixtures/cli/cli.ts'
import { authorizeUrl, serviceToken } from '../fixtures/clients/endpoints.ts'
import type { Answer } from '../fixtures/clients/http.ts'
import { SYNC, startWorld, WEB, WEB_REDIRECT } from '../fixtures/instance/world.ts'
import { createBrowser } from '../fixtures/sign-in/browser.ts'
import { signInAndConsent } from '../fixtures/sign-in/sign-in.ts'

const { instance } = await startWorld(t)
const api = await startAdminApi(instance)
const TEXT = { 'content-type': 'text/plain' }
const DEEP = `${'['.repeat(100)}${']'.repeat(100)}`
const TOO_LARGE = JSON.stringify('x'.repeat(300_000))
const cursor = (key: string): string => `cursor=${Buffer.from(key).toString('base64url')}`

type Case = readonly [rule: RefusalRule, answer: () => Promise<Pick<Answer, 'status' | 'json'>>]

/** Every way in which the administration API says no. */
const OF_ADMINISTRATION: readonly Case[] = [
  ['access-token-missing', () => createAdminApi(instance, undefined).get('/apps')],
  ['access-token-foreign', () => createAdminApi(instance, 'garbage').get('/apps')],
  [
    'administration-scope-missing',
    async () => createAdminApi(instance, await serviceToken(instance, SYNC)).get('/apps'),
  ],
  ['record-invalid', () => api.post('/apps', { ApplicationUri: 'my.app/x', ClientType: 'Confidential', Scope: 'sec' })],
  ['record-invalid', () => api.post('/users', { login: 'x', type: 'InternalUser', email: 'nonsense' })],
  ['record-conflict', () => api.post('/apps', { ApplicationUri: WEB, ClientType: 'Confidential' })],
  ['record-conflict', () => api.post('/users', { login: 'david', type: 'InternalUser' })],
  ['record-unknown', () => api.get(appPath('my.app/nobody'))],
  ['record-unknown', () => api.remove('/users/nobody')],
  ['record-unknown', () => api.remove(`${appPath(WEB)}/secrets/nothing`)],
  ['record-unknown', () => api.remove(`${appPath(WEB)}/tokens/nothing`)],
  ['record-changed', () => api.patch(appPath(WEB), { Name: 'x' }, '"older"')],
  ['if-match-missing', () => api.call('PATCH', appPath(WEB), { Name: 'x' })],
  ['entity-tag-malformed', () => api.patch(appPath(WEB), { Name: 'x' }, 'unquoted')],
  ['members-wrong', () => api.post('/apps', { ApplicationUrl: WEB })],
  ['members-wrong', () => api.post('/apps', [])],
  ['members-wrong', () => api.get('/apps?limit=many')],
  ['json-malformed', () => api.post('/apps', '{')],
  ['json-malformed', () => api.post('/apps', DEEP)],
  ['json-too-large', () => api.post('/apps', TOO_LARGE)],
  ['json-type-wrong', () => api.call('POST', '/apps', 'x', TEXT)],
  ['cursor-malformed', () => api.get('/apps?cursor=!')],
  ['cursor-malformed', () => api.get(`/audit?${cursor('x')}`)],
  ['cursor-malformed', () => api.get(`/refusals?${cursor('x')}`)],
  ['cursor-malformed', () => api.get(`/sessions?${cursor('x')}`)],
  ['filter-malformed', () => api.get('/audit?since=yesterday')],
  ['filter-malformed', () => api.get('/audit?event=nothing')],
  ['refusal-unknown', () => api.get('/refusals/nothing')],
  ['token-speaks-for-nobody', () => api.post(`${appPath(WEB)}/tokens`, { kind: 'PAT', expires_at: '1d' })],
  ['api-address-unknown', () => api.get('/nothing/here')],
  ['api-method-wrong', () => api.call('DELETE', '/apps')],
]

const browser = createBrowser(instance.origin)
const toSignIn = await browser.open(authorizeUrl(instance, { client_id: WEB, redirect_uri: WEB_REDIRECT }))
await signInAndConsent(browser, toSignIn, 'david')
const OWN_PAGE = { origin: instance.origin, 'sec-fetch-site': 'same-origin' }
const JSON_BODY = { ...OWN_PAGE, 'content-type': 'application/json' }

async function own(method: string, path: string, headers: Record<string, string> = OWN_PAGE, body?: string) {
  const init = { method, headers, ...(body === undefined ? {} : { body }) }
  const answer = await browser.request(`${instance.origin}/profile/api/v1${path}`, init)
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
}

/** Every way in which the profile API says no. */
const OF_THE_PROFILE: readonly Case[] = [
  ['browser-session-missing', () => own('GET', '/tokens', { ...OWN_PAGE, authorization: 'Bearer x' })],
  ['form-foreign', () => own('DELETE', '/tokens/x', { origin: 'https://elsewhere.example' })],
  ['record-conflict', () => own('POST', '/tokens', JSON_BODY, JSON.stringify({ app: WEB }))],
  ['record-unknown', () => own('DELETE', '/tokens/nothing')],
  ['record-unknown', () => own('DELETE', `/consents/${encodeURIComponent(SYNC)}`)],
  ['members-wrong', () => own('POST', '/tokens', JSON_BODY, '{}')],
  ['json-malformed', () => own('POST', '/tokens', JSON_BODY, '{')],
  ['json-malformed', () => own('POST', '/tokens', JSON_BODY, DEEP)],
  ['json-too-large', () => own('POST', '/tokens', JSON_BODY, TOO_LARGE)],
  ['json-type-wrong', () => own('POST', '/tokens', { ...OWN_PAGE, ...TEXT }, 'x')],
  ['cursor-malformed', () => own('GET', '/tokens?cursor=!')],
  ['api-address-unknown', () => own('GET', '/nothing')],
  ['api-method-wrong', () => own('PUT', '/tokens')],
]

/** A refusal as the log of the server holds it. */
function logged(id: unknown) {
  const [record] = instance.log.filter(({ refusal }) => refusal === id)
  const { cause: detail, ...rest } = record as Record<string, unknown>
  return { id, ...rest, detail } as Parameters<typeof explainRefusal>[0]
}

const NOTHING_REGISTERED = {
  app: undefined,
  apps: [],
  appsAt: [],
  resources: [],
  defaultResource: 'DomainAPI',
  systemUsers: [],
  logins: [],
  systemUser: undefined,
  user: undefined,
}
const IN_WORDS = /^(?!see the log)\S.+/

const met: { readonly rule: RefusalRule; readonly id: string; readonly isKept: boolean }[] = []

await t.test('each refusal of the two APIs names its rule, a cause and a fix', async (t) => {
  for (const [rule, answer] of [...OF_ADMINISTRATION, ...OF_THE_PROFILE]) {
    const { status, json } = await answer()
    const what = `${rule}: ${status} ${json['detail']}`
    t.ok(status >= 400, what)
    const refusal = logged(json['refusal_id'])
    t.match(refusal.detail, { rule, cause: /\S/ }, what)
    t.match(explainRefusal(refusal, NOTHING_REGISTERED), { rule, cause: /\S/, fix: IN_WORDS }, what)
    met.push({ rule, id: refusal.id, isKept: refusal.app !== undefined })
  }
  t.strictSame(
    Object.keys(API_REMEDIES).filter((rule) => !met.some((one) => one.rule === rule)),
    [],
    'no rule of theirs is left out',
  )
})

await t.test('tessera refusal show and the API tell it of each that names an app', async (t) => {
  const kept = met.filter(({ isKept }) => isKept)
  t.ok(kept.length > OF_ADMINISTRATION.length / 2)
  for (const { rule, id } of kept)
    t.match((await api.get(`/refusals/${id}`)).json, { id, detail: { rule, cause: /\S/ } }, rule)
  const { stdout } = await tesseraOn(instance)(['refusal', 'show', ...kept.map(({ id }) => id), '--json'])
  const shown = JSON.parse(stdout) as Record<string, unknown>[]
  t.match(
    shown,
    kept.map(({ rule, id }) => ({ id, rule, cause: /\S/, fix: IN_WORDS })),
  )
})
