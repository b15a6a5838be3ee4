import { createAppSignatures } from '../../compose/app-signatures.ts'
import type { Core } from '../../compose/core.ts'
import type { Config } from '../../config/read-config.ts'
import { targetOf } from '../../domain/access/resource-indicators.ts'
import { sectorOf } from '../../domain/apps/sector.ts'
import { createForm } from '../../domain/protocol/form.ts'
import { OAuthError } from '../../domain/refusals/errors.ts'
import type { User } from '../../domain/users/user.ts'
import { nextStep, type Step } from '../../oauth/authorize/interaction.ts'
import { findRedirect, REDIRECT_CHECKS } from '../../oauth/authorize/request/find-redirect.ts'
import type { AuthorizationRequest } from '../../oauth/authorize/request/request.ts'
import { REQUEST_CHECKS, validate } from '../../oauth/authorize/validate.ts'
import { createReadCatalogue } from '../../oauth/tokens/lookup/catalogue.ts'
import { createReadIdTokenHint } from '../../oauth/tokens/lookup/read-id-token-hint.ts'
import { completeSettings, subjectOf, type TokenSettings } from '../../oauth/tokens/mint/token-settings.ts'
import { type ClaimsPreview, previewForUser, SOMEBODY, signInAt } from './preview-claims.ts'
import { type NoteTaking, noteFormat, type Trial, tryChecks } from './trial.ts'
import { checkPerson, PERSON_CHECKS } from './try-person.ts'

const ADDRESS = 'address'
const CONSENT = 'consent'
const PLAN = [ADDRESS, ...REDIRECT_CHECKS, ...REQUEST_CHECKS, ...PERSON_CHECKS, CONSENT]

/**
 * Makes the checks of an authorization request without a browser.
 * @param name of the person who would sign in
 */
export function tryAuthorize(
  url: URL,
  name: string | undefined,
  core: Core,
  config: Config,
): Promise<Trial<ClaimsPreview>> {
  const { store, keys, clock } = core
  const { issuer, responseTypes } = config
  const tokens = completeSettings(config.tokens, core.masterKey)
  return tryChecks(PLAN, async (notes) => {
    const { follow } = notes
    await follow(ADDRESS, () => requireAuthorizeAddress(url, issuer, notes))
    const asked = await createAppSignatures(config, core).readEffective(createForm(parametersOf(url)))
    const redirectable = await findRedirect(asked, store.read.apps, follow)
    const catalogue = await createReadCatalogue(store.read.resources, tokens.audience)()
    const offered = { readHint: createReadIdTokenHint(keys, issuer, clock), catalogue, responseTypes }
    const request = await validate(asked, redirectable, offered, follow)
    const user = await checkPerson(name, request, store.read, notes)
    if (user) await checkConsent(request, user, core, tokens, notes)
    else notes.note(CONSENT, null, 'not checked; --user names the person')
    const target = targetOf(request, [], request.app, catalogue)
    noteFormat(request.app, notes)
    return previewForUser({ app: request.app, user: user ?? SOMEBODY, ...target }, request.nonce, {
      tokens,
      algorithm: keys.algorithm,
      now: clock(),
    })
  })
}

/** As if the person had signed in for this very request. */
async function checkConsent(
  request: AuthorizationRequest,
  user: User,
  { store, clock }: Core,
  tokens: TokenSettings,
  { follow, note }: NoteTaking,
): Promise<void> {
  const session = signInAt(clock())
  const progress = { signedIn: { sid: session.sid, authTime: session.authTime } }
  const consent = await store.read.consents.find(user.id, request.app.applicationUri)
  const signedIn = { user, session, subject: subjectOf(user, sectorOf(request.app), tokens), sessionEpoch: 0 }
  const step = await follow(CONSENT, () => nextStep(request, progress, signedIn, consent, clock()))
  note(CONSENT, true, step.kind === 'consent' ? askedFor(step) : 'nothing to ask')
}

const askedFor = ({ scope, eachTime }: Extract<Step, { readonly kind: 'consent' }>): string =>
  `the person is asked${eachTime ? ' each time' : ''} to allow ${scope.join(' ')}${eachTime ? ': any program on their device gets what is sent to redirect_uri' : ''}`

const parametersOf = ({ searchParams }: URL): Record<string, string | string[]> =>
  Object.fromEntries(
    [...new Set(searchParams.keys())].map((name) => {
      const values = searchParams.getAll(name)
      return [name, values.length === 1 ? (values[0] ?? '') : values]
    }),
  )

/** The path decides; which names lead to the server is the affair of proxies and of DNS. */
function requireAuthorizeAddress(url: URL, issuer: string, { note }: NoteTaking): void {
  const known = new URL(`${issuer}/connect/authorize`)
  if (url.pathname !== known.pathname) {
    throw new OAuthError('not_found', 'there is nothing at this address', {
      rule: 'address-unknown',
      cause: 'this is not the address of the authorization endpoint',
      sent: url.origin + url.pathname,
      expected: known.href,
    })
  }
  note(ADDRESS, true, url.origin === known.origin ? known.href : `another host than the issuer's: ${known.href}`)
}
