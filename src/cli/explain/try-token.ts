import type { Core } from '../../compose/core.ts'
import type { Config } from '../../config/read-config.ts'
import type { AuthenticatedApp, ClientAuthMethod } from '../../domain/access/authenticated-app.ts'
import { narrowToResources, type Target } from '../../domain/access/resource-indicators.ts'
import { isValidSecret } from '../../domain/apps/app-secret.ts'
import { needsPkce, type TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { createForm, type Form } from '../../domain/protocol/form.ts'
import { readRequestedScope } from '../../oauth/authorize/checks/scope.ts'
import { requireRegisteredUri } from '../../oauth/authorize/request/find-redirect.ts'
import { claimOf, vouchFor } from '../../oauth/client-auth/authenticate.ts'
import { assertsItself, CLIENT_CHECKS, type Claim } from '../../oauth/client-auth/checks.ts'
import { createAuthorizationCodeGrant } from '../../oauth/grants/authorization-code.ts'
import {
  createClientCredentialsGrant,
  readServiceTarget,
  requireSystemUser,
} from '../../oauth/grants/client-credentials.ts'
import { createRefreshTokenGrant } from '../../oauth/grants/refresh-token.ts'
import { createGrantRegistry } from '../../oauth/grants/registry.ts'
import { requireInteractive } from '../../oauth/grants/require-interactive.ts'
import { createReadCatalogue } from '../../oauth/tokens/lookup/catalogue.ts'
import { completeSettings } from '../../oauth/tokens/mint/token-settings.ts'
import { type ClaimsPreview, previewForService, previewForUser, SOMEBODY } from './preview-claims.ts'
import { type NoteTaking, noteFormat, type Trial, tryChecks } from './trial.ts'
import { checkPerson, PERSON_CHECKS } from './try-person.ts'

/** A token request as the flags describe it. */
export interface TokenRequest {
  readonly grant: string
  readonly client: string
  readonly user?: string
  readonly scope?: string
  readonly resource?: readonly string[]
  readonly redirectUri?: string
  /** Absent where the app is taken to send a right one. */
  readonly secret?: string
}

const FOR_SERVICES = ['System User', 'scope', 'resource']
const FOR_PEOPLE = ['sign-in', 'scope', 'redirect_uri', 'code or refresh token', 'PKCE', ...PERSON_CHECKS, 'resource']

/** Makes the checks of a token request, as far as they can be made without a secret, a code or a refresh token. */
export function tryToken(
  asked: TokenRequest,
  { store, keys, clock, masterKey }: Core,
  { tokens }: Config,
): Promise<Trial<ClaimsPreview>> {
  const plan = [
    ...CLIENT_CHECKS.map(({ name }) => name),
    'grant_type',
    ...(asked.grant === 'client_credentials' ? FOR_SERVICES : FOR_PEOPLE),
  ]
  const readCatalogue = createReadCatalogue(store.read.resources, tokens.audience)
  const settings = { tokens: completeSettings(tokens, masterKey), algorithm: keys.algorithm, now: clock() }
  return tryChecks(plan, async (notes) => {
    const { follow } = notes
    const catalogue = await readCatalogue()
    const app = await checkClient(asked, await store.read.apps.find(asked.client), clock(), notes)
    await follow('grant_type', () => offeredGrants().find(asked.grant).type)
    if (asked.grant === 'client_credentials') {
      const systemUser = await follow('System User', () => requireSystemUser(app, store.read.users))
      await follow('scope', () => readServiceTarget(app, createForm({ scope: asked.scope }), catalogue))
      const named = createForm({ scope: asked.scope, ...resourcesOf(asked) })
      const target = await checkTarget(() => readServiceTarget(app, named, catalogue), notes)
      noteFormat(app, notes)
      return previewForService(
        { kind: 'service', app, systemUser, sessionEpoch: 0, ...target, binding: 'none' },
        settings,
      )
    }
    const scope = await checkForPeople(asked, app, notes)
    const user = await checkPerson(asked.user, { app, scope }, store.read, notes)
    const granted = { scope, resources: [] }
    const form = createForm(resourcesOf(asked))
    const target = await checkTarget(() => narrowToResources(form, granted, undefined, app, catalogue), notes)
    noteFormat(app, notes)
    return previewForUser({ app, user: user ?? SOMEBODY, ...target }, undefined, settings)
  })

  function offeredGrants() {
    const dependencies = { store, clock, audit: () => undefined, readCatalogue }
    return createGrantRegistry([
      createAuthorizationCodeGrant(dependencies),
      createRefreshTokenGrant(dependencies),
      createClientCredentialsGrant({ ...store.read, readCatalogue }),
    ])
  }
}

const resourcesOf = ({ resource }: TokenRequest): { resource: string[] } => ({ resource: [...(resource ?? [])] })

/** Which APIs the token would be for. */
async function checkTarget(read: () => Target, { follow, note }: NoteTaking): Promise<Target> {
  const target = await follow('resource', read)
  note('resource', true, `for ${target.audience.join(' ') || 'UserInfo alone'}`)
  return target
}

/** Who the app is; without its secret, one that is still valid is taken to have been sent. */
async function checkClient(
  { client, secret }: TokenRequest,
  app: TrustedApplication | undefined,
  now: number,
  { follow, note }: NoteTaking,
): Promise<AuthenticatedApp> {
  const assumed = secret === undefined && app?.clientType === 'Confidential'
  const claim = assumed ? assumedClaim(client, app, now) : claimOf(credentialsOf(client, secret, app), app, now)
  for (const { name, require } of CLIENT_CHECKS) await follow(name, () => require(claim))
  if (assumed) note('client authentication', true, assertsItself(app) ? ASSUMED_ASSERTION : ASSUMED_SECRET)
  return vouchFor(app as TrustedApplication, claim, 'nowhere')
}

const ASSUMED_SECRET = 'the app is taken to send a valid secret; --secret-stdin checks one'
const ASSUMED_ASSERTION = 'the app is taken to send a valid assertion'

const credentialsOf = (
  clientId: string,
  secret: string | undefined,
  app: TrustedApplication | undefined,
): Claim['credentials'] => ({
  method: secret === undefined ? 'none' : secretMethodOf(app),
  clientId,
  secret,
})

/** A secret is taken to be sent the way it is registered for. */
const secretMethodOf = (app: TrustedApplication | undefined) =>
  app?.tokenEndpointAuthMethod === 'client_secret_post' ? 'client_secret_post' : 'client_secret_basic'

const assumedClaim = (clientId: string, app: TrustedApplication, now: number): Claim => ({
  credentials: assertsItself(app)
    ? { method: app.tokenEndpointAuthMethod as ClientAuthMethod, clientId, secret: undefined }
    : credentialsOf(clientId, '', app),
  app,
  secret: app.secrets.find((known) => isValidSecret(known, now)),
  expired: app.secrets.at(-1),
  assertion: { secret: undefined, jti: '', countsUntil: now },
  now,
})

/** What can be told of a code or refresh token that is not at hand. @returns the scope it would hold */
async function checkForPeople(
  asked: TokenRequest,
  app: TrustedApplication,
  { follow, note }: NoteTaking,
): Promise<readonly string[]> {
  const { redirectUri } = asked
  await follow('sign-in', () => requireInteractive(app))
  const scope = await follow('scope', () => readRequestedScope(scopeForm(asked, app), app, 'code'))
  if (asked.grant === 'refresh_token') {
    note('redirect_uri', null, 'plays no part in a refresh')
    note('PKCE', null, 'plays no part in a refresh')
    const given = scope.includes('offline_access')
    note(
      'code or refresh token',
      null,
      given ? 'needs the token itself' : 'there is one only with offline_access in scope',
    )
    return scope
  }
  if (redirectUri === undefined) note('redirect_uri', null, 'not checked; --redirect-uri names it')
  else await follow('redirect_uri', () => requireRegisteredUri(redirectUri, app))
  note('code or refresh token', null, 'needs the code itself: unused, at most 60 s old, of this app and redirect URI')
  note(
    'PKCE',
    null,
    needsPkce(app) ? 'code_verifier must come with the code' : 'code_verifier where there was a challenge',
  )
  return scope
}

/** Where no scope is named, a sign-in for everything that the record lists. */
const scopeForm = ({ scope, grant }: TokenRequest, app: TrustedApplication): Form =>
  createForm({
    scope: scope ?? ['openid', ...(grant === 'refresh_token' ? ['offline_access'] : []), ...app.scope].join(' '),
  })
