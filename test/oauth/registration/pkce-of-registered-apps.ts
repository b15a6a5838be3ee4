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

await t.test('an app that registers itself must use PKCE, as every new record', async (t) => {
  t.strictSame(await answers(undefined, {}), ['invalid_request', 'code'])
})

await t.test('TESSERA_REGISTRATION_PKCE=false lets a Confidential app do without, and no Public one', async (t) => {
  t.strictSame(await answers('false', {}), ['code', 'code'])
  t.strictSame(await answers('false', { token_endpoint_auth_method: 'none' }), ['invalid_request', 'code'])
})
