// SQLite alone: is about one flag of a record, whose request is refused before anything else is read
import t from 'tap'
import { answerOf, authorize, PKCE } from '../../fixtures/clients/code-flow.ts'
import { registerClient } from '../../fixtures/clients/registration.ts'
import { startWorld } from '../../fixtures/instance/world.ts'

const REDIRECT = 'https://rp.example.com/cb'

/** What an app that has just registered itself is answered. */
async function answers(required: string | undefined, metadata: Readonly<Record<string, unknown>>) {
  const settings = required === undefined ? {} : { TESSERA_REGISTRATION_PKCE: required }
  const { instance } = await startWorld(t, { TESSERA_REGISTRATION: 'open', ...settings })
  const { client_id } = await registerClient(instance, { redirect_uris: [REDIRECT], ...metadata })
  const asked = { client_id, redirect_uri: REDIRECT, scope: 'openid' }
  const [without, withIt] = [await authorize(instance, asked), await authorize(instance, { ...asked, ...PKCE })]
  return [without, withIt].map((view) => answerOf(view).get('error') ?? 'code')
}

await t.test(
  'an OpenID client that knows no PKCE registers itself and signs people in; a Public one may not',
  async (t) => {
    t.strictSame(await answers(undefined, {}), ['code', 'code'])
    t.strictSame(await answers(undefined, { token_endpoint_auth_method: 'none' }), ['invalid_request', 'code'])
  },
)

await t.test('with TESSERA_REGISTRATION_PKCE a Confidential one must use it as well', async (t) => {
  t.strictSame(await answers('true', {}), ['invalid_request', 'code'])
})
