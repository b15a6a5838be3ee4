import t from 'tap'
import { DAY, SECOND } from '../../../src/lib/time/clock.ts'
import { createAdminApi, isProblem, startAdminApi, TOOL } from '../../fixtures/admin/admin.ts'
import { matchesWhole } from '../../fixtures/answers/matches-whole.ts'
import { ownKeys, signRs256 } from '../../fixtures/attacks/forge.ts'
import { jwtPlaces } from '../../fixtures/attacks/jwt-places.ts'
import { documentOf, tesseraOn } from '../../fixtures/cli/cli.ts'
import { obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { introspect, serviceToken, userinfo } from '../../fixtures/clients/endpoints.ts'
import { claimsOf, headerOf } from '../../fixtures/clients/jwt.ts'
import type { Instance } from '../../fixtures/instance/instance.ts'
import { startApiOn } from '../../fixtures/resource-server/api-on-instance.ts'
import { READER, REPORTS, REPORTS_API, startReports } from '../../fixtures/resource-server/reports.ts'
import { query } from '../../fixtures/store/database.ts'
import { rotationOf } from '../../fixtures/tokens/rotate-keys.ts'

const reports = await startReports(t)
const { instance } = reports
await startAdminApi(instance)
const kidOf = (jwt: string): string => String(headerOf(jwt)['kid'])
const admin = async () => createAdminApi(instance, await serviceToken(instance, TOOL))
const revoke = async (kid: string) => (await admin()).remove(`/keys/${kid}`)

async function published({ issuer }: Instance): Promise<(string | undefined)[]> {
  const answer = await fetch(`${issuer}/.well-known/openid-configuration/jwks`)
  return ((await answer.json()) as { keys: { kid?: string }[] }).keys.map(({ kid }) => kid)
}

const statesOf = async (algorithm = 'RS256'): Promise<[kid: string, state: string, retiresAt: string | null][]> => {
  const { items } = (await (await admin()).get('/keys')).json as { items: Record<string, string>[] }
  return items
    .filter((key) => key['algorithm'] === algorithm)
    .map(({ kid = '', state = '', retiresAt = null }) => [kid, state, retiresAt])
}

await t.test(
  'what a revoked key signed is refused everywhere from the next request on, and another key signs',
  async (t) => {
    const tokens = await obtainTokens(instance)
    const kid = kidOf(tokens.access_token)
    const ofTool = await serviceToken(instance, TOOL)
    t.equal((await revoke(kid)).status, 204)

    const places = jwtPlaces(instance)
    for (const token of [tokens.access_token, ofTool])
      for (const at of [places.atUserinfo, places.atIntrospection, places.atAdminApi]) await at(t, token)
    await places.asHint(t, tokens.id_token)
    t.notOk((await published(instance)).includes(kid), 'the key set is without it')

    const anew = await obtainTokens(instance)
    t.not(kidOf(anew.access_token), kid)
    t.ok((await published(instance)).includes(kidOf(anew.access_token)))
    t.equal((await userinfo(instance, anew.access_token)).status, 200)
    t.equal((await introspect(instance, anew.access_token)).json['active'], true)
    const told = await query<{ actor: string; detail: string }>(
      instance,
      `select actor, detail from audit_events where event = 'key_revoked'`,
    )
    t.equal(told.length, 1, 'audited once')
    t.equal(told[0]?.actor, `app:${TOOL}`)
    t.match(JSON.parse(told[0]?.detail ?? ''), { kid, algorithm: 'RS256', successor: kidOf(anew.access_token) })

    isProblem(t, instance, await revoke(kid), {
      status: 404,
      type: 'not-found',
      errors: [`kid: there is no signing key ${kid}; tessera key list shows them`],
    })
  },
)

await t.test('a key that was given up for a forced one is the next again where that one is revoked', async (t) => {
  const tessera = tesseraOn(instance)
  const rotate = async (...flags: string[]) => (await tessera(['key', 'rotate', ...flags])).code
  const [[active] = []] = await statesOf()
  t.same([await rotate('--publish-for', '14d'), await rotate('--force', '--publish-for', '1h')], [0, 0])
  const [forced = [], given = []] = (await statesOf()).filter(([kid]) => kid !== active)
  t.same([given[1], forced[1]], ['next', 'next'])
  t.not(given[2], null, 'its last day came with the forced one')
  t.equal((await revoke(forced[0] ?? '')).status, 204)
  t.strictSame(await statesOf(), [
    [given[0], 'next', null],
    [active, 'active', null],
  ])
  t.equal((await revoke(given[0] ?? '')).status, 204)
})

await t.test(
  'an API that checks tokens by itself follows within five seconds, whatever the key signs meanwhile',
  async (t) => {
    const api = await startApiOn(t, instance, { audience: REPORTS, clientId: REPORTS_API })
    const { access_token: token } = await reports.ofPerson(READER, 'openid reports.read')
    t.equal((await api.call(token, '/reports')).status, 200)
    const [kid, own] = [...(await ownKeys(instance))].find(([each]) => each === kidOf(token)) ?? []
    if (kid === undefined || own === undefined) throw new Error('no key')
    t.equal((await revoke(kid)).status, 204)
    await api.advance(5 * SECOND)
    t.equal((await api.call(token, '/reports')).status, 401, 'what it signed before')
    const times = { iat: instance.now() / SECOND + 1, exp: instance.now() / SECOND + 3600 }
    const forged = signRs256(own, headerOf(token), { ...claimsOf(token), ...times })
    const unknown = 'the access token is signed with a key that the issuer does not publish'
    t.match(
      await api.call(forged, '/reports'),
      { status: 401, body: { error_description: unknown } },
      'by whoever has it',
    )
    const { access_token: anew } = await reports.ofPerson(READER, 'openid reports.read')
    t.equal((await api.call(anew, '/reports')).status, 200, 'and what the next key signs is taken at once')
  },
)

await t.test(
  'a key that is published already signs next; where it is the one revoked, the present one signs on',
  async (t) => {
    await rotationOf(instance)()
    instance.advance(80 * DAY)
    await rotationOf(instance)()
    const [[active = ''] = [], [next = ''] = []] = [
      (await statesOf()).filter(([, state]) => state === 'active')[0],
      (await statesOf()).filter(([, state]) => state === 'next')[0],
    ]
    t.ok(active && next)
    t.equal((await revoke(next)).status, 204)
    t.strictSame(await statesOf(), [[active, 'active', null]], 'its last day is taken back')

    await rotationOf(instance)()
    const follows = (await statesOf()).find(([, state]) => state === 'next')?.[0]
    t.equal((await revoke(active)).status, 204)
    t.strictSame(await statesOf(), [[follows, 'active', null]])
    t.equal(kidOf(await serviceToken(instance, TOOL)), follows)
  },
)

await t.test('tessera key revoke does the same, and asks first', async (t) => {
  const tessera = tesseraOn(instance)
  const token = await serviceToken(instance, TOOL)
  const kid = kidOf(token)
  const unsure = await tessera(['key', 'revoke', kid])
  t.equal(unsure.code, 2)
  t.match(unsure.stderr, /add --yes to confirm/)
  const unknown = await tessera(['key', 'revoke', 'nobody', '--yes'])
  t.equal(unknown.code, 1)
  t.match(unknown.stderr, /there is no signing key nobody; tessera key list shows them/)

  const { successor, ...told } = await documentOf(tessera(['key', 'revoke', kid, '--yes', '--json']))
  t.strictSame(told, { kid, algorithm: 'RS256' })
  matchesWhole(t, successor, {
    algorithm: 'RS256',
    state: 'active',
    signsFrom: String,
    createdAt: String,
    retiresAt: null,
  })
  t.equal((await createAdminApi(instance, token).get('/apps')).status, 401)
  t.equal(kidOf(await serviceToken(instance, TOOL)), (successor as { kid: string }).kid)
})
