import { PKCE } from '../../../test/fixtures/clients/code-flow.ts'
import { authorizeUrl } from '../../../test/fixtures/clients/endpoints.ts'
import { createRelyingParty } from '../../../test/fixtures/clients/relying-party.ts'
import { PASSWORD, SECRET } from '../../../test/fixtures/instance/instance.ts'
import { type Site, SYNC, WEB } from '../lib/site.ts'

/** What an app and its people have at one moment: names of parameters, headers and parts of addresses, and values that are right. */
export interface Supplies {
  /** By the name of a parameter. */
  readonly values: Readonly<Record<string, readonly string[]>>
  readonly authorizations: readonly string[]
  readonly cookies: readonly string[]
}

export const TOOL = 'my.admin/tool'
export const VICTIM = 'my.trusted.app/victim'
const REDIRECT_URI = 'https://app.example.com/cb'
const basic = (id: string): string => `Basic ${Buffer.from(`${encodeURIComponent(id)}:${SECRET}`).toString('base64')}`

/** Signs somebody in and gathers what that yields. */
export async function gatherSupplies(site: Site): Promise<Supplies> {
  const party = createRelyingParty(site, { clientId: WEB, login: 'person0' })
  const tokens = await party.obtainTokens()
  const spare = await party.obtainCode()
  const page = await party.browser.open(
    authorizeUrl(site as never, { client_id: WEB, redirect_uri: REDIRECT_URI, prompt: 'login', ...PKCE }),
  )
  const field = (name: string): string => page.page.querySelector(`input[name=${name}]`)?.getAttribute('value') ?? ''
  const tool = createRelyingParty(site, { clientId: TOOL, login: '' })
  const administration = String((await tool.requestToken({ grant_type: 'client_credentials' })).json['access_token'])
  const service = createRelyingParty(site, { clientId: SYNC, login: '' })
  const own = String((await service.requestToken({ grant_type: 'client_credentials' })).json['access_token'])
  return {
    values: {
      client_id: [WEB, SYNC, VICTIM, TOOL],
      client_secret: [SECRET],
      redirect_uri: [REDIRECT_URI],
      post_logout_redirect_uri: [REDIRECT_URI],
      response_type: ['code', 'code id_token', 'id_token'],
      response_mode: ['query', 'fragment', 'form_post'],
      scope: ['openid', 'openid profile email offline_access read', 'read', 'update read'],
      state: ['x'],
      nonce: ['n-0123456789'],
      code_challenge: ['E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'],
      code_challenge_method: ['S256'],
      prompt: ['none', 'login', 'consent', 'select_account'],
      max_age: ['0', '3600'],
      login_hint: ['person0'],
      id_token_hint: [tokens.id_token],
      ui_locales: ['de en'],
      acr_values: ['1'],
      claims: ['{"userinfo":{"email":null},"id_token":{"acr":{"values":["1"]}}}'],
      resource: ['DomainAPI'],
      request: ['eyJhbGciOiJub25lIn0.e30.'],
      request_uri: ['https://app.example.com/object'],
      grant_type: ['authorization_code', 'refresh_token', 'client_credentials'],
      code: [spare.code],
      code_verifier: [spare.verifier],
      refresh_token: [tokens.refresh_token],
      client_assertion_type: ['urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
      client_assertion: [tokens.id_token],
      token: [tokens.access_token, tokens.refresh_token, own],
      token_type_hint: ['access_token', 'refresh_token'],
      access_token: [tokens.access_token],
      interaction: [new URL(page.url).searchParams.get('interaction') ?? ''],
      csrf: [field('csrf')],
      username: ['person0', 'nobody'],
      password: ['wrong', PASSWORD],
      decision: ['approve', 'deny'],
      logout: ['yes'],
      since: [Buffer.from('0 0 ').toString('base64url')],
      touches: ['019e2f3a-4b5c:3'],
      refusal: ['0123456789abcdef'],
      limit: ['1', '200'],
      cursor: [Buffer.from(WEB).toString('base64url')],
      q: ['my'],
      isEnabled: ['true'],
    },
    authorizations: [
      basic(WEB),
      basic(SYNC),
      basic(VICTIM),
      `Bearer ${tokens.access_token}`,
      `Bearer ${administration}`,
      `Bearer ${own}`,
    ],
    cookies: [await party.browser.jar.getCookieString(page.url)],
  }
}
