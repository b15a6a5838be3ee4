import type { Core } from '../../compose/core.ts'
import type { Config } from '../../config/read-config.ts'
import { targetOf } from '../../domain/access/resource-indicators.ts'
import { createForm } from '../../domain/protocol/form.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { User } from '../../domain/users/user.ts'
import type { Step } from '../../oauth/authorize/interaction.ts'
import { REDIRECT_CHECKS } from '../../oauth/authorize/request/find-redirect.ts'
import type { AuthorizationRequest } from '../../oauth/authorize/request/request.ts'
import { REQUEST_CHECKS } from '../../oauth/authorize/validate.ts'
import { completeProfile } from '../../oauth/tokens/mint/token-profile.ts'
import { type ClaimsPreview, previewForUser, SOMEBODY, signInAt } from './preview-claims.ts'
import { type ServerParts, serverPartsOf } from './server-parts.ts'
import { type NoteTaking, noteFormat, noteScope, type Trial, tryChecks } from './trial.ts'
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
  const { issuer } = config
  const { flow, readCatalogue } = serverPartsOf(config, core)
  const tokens = completeProfile(config.tokens, core.lastingKeys)
  return tryChecks(PLAN, async (notes) => {
    const { runCheck } = notes
    await runCheck(ADDRESS, () => requireAuthorizeAddress(url, issuer, notes))
    const asked = await flow.readEffective(createForm(parametersOf(url)))
    const redirectable = await flow.findRedirect(asked, runCheck)
    const request = await flow.validate(asked, redirectable, runCheck)
    noteScope(request, notes)
    const user = await checkPerson(name, request, store.read, notes)
    if (user) await checkConsent(request, user, flow, clock(), notes)
    else notes.note(CONSENT, null, 'not checked; --user names the person')
    const target = targetOf(request, [], request.app, await readCatalogue())
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
  flow: ServerParts['flow'],
  now: number,
  { runCheck, note }: NoteTaking,
): Promise<void> {
  const session = signInAt(now)
  const progress = { signedIn: { sid: session.sid, authTime: session.authTime } }
  const step = await runCheck(CONSENT, () => flow.decideFor(request, progress, { user, session }))
  note(CONSENT, true, step.kind === 'consent' ? askedFor(step) : 'nothing to ask')
}

const askedFor = ({ scope, eachTime }: Extract<Step, { readonly kind: 'consent' }>): string =>
  `the person is asked${eachTime ? ' each time' : ''} to allow ${scope.join(' ')}${eachTime ? ': any program on their device can receive what is sent to redirect_uri' : ''}`

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
    throw new Refused('not_found', 'there is nothing at this address', {
      rule: 'address-unknown',
      cause: 'this is not the address of the authorization endpoint',
      sent: url.origin + url.pathname,
      expected: known.href,
    })
  }
  note(ADDRESS, true, url.origin === known.origin ? known.href : `the host is not that of the issuer, ${known.href}`)
}
