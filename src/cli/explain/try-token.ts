import type { Core } from '../../compose/core.ts'
import type { Config } from '../../config/read-config.ts'
import type { AuthenticatedApp, ClientAuthMethod } from '../../domain/access/authenticated-app.ts'
import { requireInteractive } from '../../domain/access/require-interactive.ts'
import { narrowToResources, type Target } from '../../domain/access/resource-indicators.ts'
import { isValidSecret } from '../../domain/apps/app-secret.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { createForm, type Form } from '../../domain/protocol/form.ts'
import { readRequestedScope } from '../../oauth/authorize/checks/scope.ts'
import { requireRegisteredUri } from '../../oauth/authorize/request/find-redirect.ts'
import { claimOf, vouchFor } from '../../oauth/client-auth/authenticate.ts'
import { assertsItself, CLIENT_CHECKS, type Claim } from '../../oauth/client-auth/checks.ts'
import type { Grant } from '../../oauth/grants/registry.ts'
import { completeProfile } from '../../oauth/tokens/mint/token-profile.ts'
import type { Repositories } from '../../store/store.ts'
import { type ClaimsPreview, type Preview, previewForService, previewForUser, SOMEBODY } from './preview-claims.ts'
import { type ServerParts, serverPartsOf } from './server-parts.ts'
import { type NoteTaking, noteFormat, noteScope, type Trial, tryChecks } from './trial.ts'
import { checkPerson } from './try-person.ts'

/** A token request as the flags describe it. */
export interface DescribedRequest {
  readonly grant: string
  readonly client: string
  readonly user?: string
  readonly scope?: string
  readonly resource?: readonly string[]
  readonly redirectUri?: string
  /** Absent where the app is taken to send a right one. */
  readonly secret?: string
}

/** Makes the checks of a token request, as far as they can be made without a secret, a code or a refresh token. */
export function tryToken(asked: DescribedRequest, core: Core, config: Config): Promise<Trial<ClaimsPreview>> {
  const { store, keys, clock, lastingKeys } = core
  const parts = serverPartsOf(config, core)
  const { offered } = parts.grants
  // Of a grant that is not offered, what is not reached is the same as of the first.
  const { checks = [] } = offered.find(({ type }) => type === asked.grant) ?? offered[0] ?? {}
  const plan = [...CLIENT_CHECKS, { name: 'grant_type' }, ...checks].map(({ name }) => name)
  const preview = { tokens: completeProfile(config.tokens, lastingKeys), algorithm: keys.algorithm, now: clock() }
  return tryChecks(plan, async (notes) => {
    const app = await checkClient(asked, await store.read.apps.find(asked.client), clock(), notes)
    await notes.runCheck('grant_type', () => parts.grants.find(asked.grant).type)
    const grant = parts.grants.find(asked.grant)
    if (grant.actsFor === 'person') return tryForPerson(grant, asked, app, store.read, parts, preview, notes)
    const form = createForm({ scope: asked.scope, ...resourcesOf(asked) })
    const authorization = await grant.authorize({ app, form, binding: 'none' }, notes.runCheck)
    noteTarget(authorization, notes)
    noteFormat(app, notes)
    return previewForService(authorization, preview)
  })
}

const resourcesOf = ({ resource }: DescribedRequest): { resource: string[] } => ({ resource: [...(resource ?? [])] })

/** Which APIs the token would be for. */
const noteTarget = ({ audience }: Target, { note }: NoteTaking): void =>
  note('resource', true, `for ${audience.join(' ') || 'UserInfo alone'}`)

/** Who the app is; without its secret, one that is still valid is taken to have been sent. */
async function checkClient(
  { client, secret }: DescribedRequest,
  app: TrustedApplication | undefined,
  now: number,
  { runCheck, note }: NoteTaking,
): Promise<AuthenticatedApp> {
  const assumed = secret === undefined && app?.clientType === 'Confidential'
  const claim = assumed ? assumedClaim(client, app, now) : claimOf(credentialsOf(client, secret, app), app, now)
  for (const { name, require } of CLIENT_CHECKS) await runCheck(name, () => require(claim))
  if (assumed) note('client authentication', true, assertsItself(app) ? ASSUMED_ASSERTION : ASSUMED_SECRET)
  return vouchFor(app as TrustedApplication, claim, 'nowhere')
}

const ASSUMED_SECRET = 'assumed: the app sends a valid secret; --secret-stdin checks one'
const ASSUMED_ASSERTION = 'assumed: the app sends a valid assertion'

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

/** What can be told of a grant for a person without the code or token that it takes. */
async function tryForPerson(
  grant: Grant,
  asked: DescribedRequest,
  app: AuthenticatedApp,
  read: Pick<Repositories, 'users'>,
  { readCatalogue }: ServerParts,
  preview: Preview,
  notes: NoteTaking,
): Promise<ClaimsPreview> {
  const { runCheck, note } = notes
  await runCheck('sign-in', () => requireInteractive(app))
  const catalogue = await readCatalogue()
  const requested = await runCheck('scope', () => readRequestedScope(scopeForm(asked, app), app, 'code', catalogue))
  noteScope(requested, notes)
  const { scope } = requested
  for (const { name, unmade } of grant.checks) {
    if (unmade) note(name, null, unmade({ app, scope }))
    else if (name === 'redirect_uri') await checkRedirectUri(asked, app, notes)
  }
  const user = await checkPerson(asked.user, { app, ...requested }, read, notes)
  const granted = { scope, resources: [] }
  const form = createForm(resourcesOf(asked))
  const target = await runCheck('resource', () => narrowToResources(form, granted, undefined, app, catalogue))
  noteTarget(target, notes)
  noteFormat(app, notes)
  return previewForUser({ app, user: user ?? SOMEBODY, ...target }, undefined, preview)
}

async function checkRedirectUri(
  { redirectUri }: DescribedRequest,
  app: TrustedApplication,
  { runCheck, note }: NoteTaking,
): Promise<void> {
  if (redirectUri === undefined) note('redirect_uri', null, 'not checked; --redirect-uri names it')
  else await runCheck('redirect_uri', () => requireRegisteredUri(redirectUri, app))
}

/** Where no scope is named, a sign-in for everything that the record lists. */
const scopeForm = ({ scope, grant }: DescribedRequest, app: TrustedApplication): Form =>
  createForm({
    scope: scope ?? ['openid', ...(grant === 'refresh_token' ? ['offline_access'] : []), ...app.scope].join(' '),
  })
