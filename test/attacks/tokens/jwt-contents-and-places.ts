// SQLite alone: is about signatures and claims, which are judged before a database is asked
import t, { type Test } from 'tap'
import { isRefused } from '../../fixtures/answers/outcomes.ts'
import { attackGroup } from '../../fixtures/attacks/attacks.ts'
import { obtainTokens } from '../../fixtures/clients/code-flow.ts'
import { introspect } from '../../fixtures/clients/endpoints.ts'
import { type Answer, bearer, postForm, postRaw, send } from '../../fixtures/clients/http.ts'
import { claimsOf } from '../../fixtures/clients/jwt.ts'

const FORM = ['content-type', 'application/x-www-form-urlencoded'] as const
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']

await attackGroup(t, 'F. JWT: what they hold, and where they are sent', async ({ instance, attack }) => {
  const userinfoUrl = `${instance.issuer}/connect/userinfo`
  const tokens = await obtainTokens(instance)
  const token = tokens.access_token
  const userinfo = (authorization: string) => send(userinfoUrl, { headers: { authorization } })
  async function isInvalid(t: Test, answer: Answer): Promise<void> {
    const status = answer.status === 401 ? 401 : 400
    t.match(answer.headers.get('www-authenticate'), /^Bearer realm="tessera"/)
    isRefused(t, answer, status === 401 ? 'invalid_token' : 'invalid_request', status)
  }

  await attack(
    'JW-15',
    'the published keys hold nothing private',
    async (t) => {
      const answer = await send(`${instance.issuer}/.well-known/openid-configuration/jwks`)
      const { keys } = answer.json as { keys: Record<string, string>[] }
      t.ok(keys.length > 0)
      for (const key of keys) {
        t.match(key, { kid: /^[\w-]{16}$/, use: 'sig', alg: /^(RS|PS|ES)\d{3}$/ })
        t.strictSame(
          PRIVATE_MEMBERS.filter((member) => member in key),
          [],
        )
      }
      t.match(answer.headers.get('cache-control'), /^public, max-age=\d+$/)
    },
    { unrefused: true },
  )
  await attack(
    'JW-16',
    'an access token has its type and claims, and nothing of the person beyond the scope',
    async (t) => {
      const { access_token } = await obtainTokens(instance, { scope: 'openid read' })
      const header = JSON.parse(Buffer.from(access_token.split('.')[0] ?? '', 'base64url').toString()) as unknown
      t.match(header, { typ: 'at+jwt' })
      const claims = claimsOf(access_token)
      for (const name of ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id']) t.ok(claims[name], name)
      for (const name of ['email', 'name', 'given_name', 'phone_number', 'password', 'secret']) t.notOk(name in claims)
    },
    { changes: true, unrefused: true },
  )

  const leaver = await instance.addUser({ login: 'leaver' })
  const left = await obtainTokens(instance, {}, { login: 'leaver' })
  await instance.core.store.write(({ users }) => users.remove(leaver.id, instance.now()))
  await attack('JW-17', 'the token of a user who was removed', async (t) => {
    await isInvalid(t, await userinfo(`Bearer ${left.access_token}`))
    const introspected = await introspect(instance, left.access_token)
    t.strictSame(introspected.json, { active: false })
  })

  for (const authorization of [
    'Bearer',
    'Bearer  ',
    'Bearer x y',
    'Bearer  x y',
    'bearer x',
    `Bearer\t${token}`,
    `Bearer ${token}, Bearer ${token}`,
    `Bearer "${token}"`,
    `Bearer ${token}ü`,
    `Bearer=${token}`,
    `Token ${token}`,
    `DPoP ${token}`,
    token,
    `Basic ${Buffer.from(`x:${token}`).toString('base64')}`,
    `Bearer ${'x'.repeat(15_000)}`,
  ])
    await attack('JW-18', JSON.stringify(authorization.replace(token, 'TOKEN')).slice(0, 50), async (t) =>
      isInvalid(t, await userinfo(authorization)),
    )
  await attack(
    'JW-18',
    '100 KiB',
    async (t) => t.equal((await userinfo(`Bearer ${'x'.repeat(100 * 1024)}`)).status, 431),
    { unrefused: true, unparsed: true },
  )
  await attack('JW-18', 'two headers', async (t) => {
    const header = ['authorization', `Bearer ${token}`] as const
    await isInvalid(t, await postRaw(userinfoUrl, [FORM, header, header], ''))
  })
  for (const scheme of ['bearer', 'BEARER', 'bEaReR'])
    await attack(
      'JW-18',
      `the scheme written ${scheme} is accepted`,
      async (t) => t.equal((await userinfo(`${scheme} ${token}`)).status, 200),
      { unrefused: true },
    )

  for (const [name, ask] of Object.entries({
    'in the query': () => send(`${userinfoUrl}?access_token=${token}`),
    'in the query and the header': () => send(`${userinfoUrl}?access_token=${token}`, { headers: bearer(token) }),
    'in the query of a POST': () => postForm(`${userinfoUrl}?access_token=${token}`, {}),
    'in the header and the body': () => postForm(userinfoUrl, { access_token: token }, bearer(token)),
    'in the body twice': () => postRaw(userinfoUrl, [FORM], `access_token=${token}&access_token=${token}`),
    'in a cookie': () => send(userinfoUrl, { headers: { cookie: `access_token=${token}` } }),
    'in x-api-key': () => send(userinfoUrl, { headers: { 'x-api-key': token } }),
  }))
    await attack('JW-19', name, async (t) => isInvalid(t, await ask()))
})
