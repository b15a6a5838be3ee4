import type { Audit } from '../domain/audit.ts'
import { type AuthenticatedApp, auditedApp } from '../domain/authenticated-app.ts'
import type { Redemption, UserAuthorization } from '../domain/authorization.ts'
import { OAuthError } from '../domain/errors.ts'
import type { Form } from '../domain/form.ts'
import { whyEnded } from '../domain/liveness.ts'
import { verifierMatches } from '../domain/pkce.ts'
import { narrowToResources, type ReadCatalogue } from '../domain/resource-indicators.ts'
import { accessTokenLifetime, refreshTokenLifetime } from '../domain/trusted-application.ts'
import { whyNotAdmitted } from '../domain/user-access.ts'
import type { Clock } from '../lib/clock.ts'
import { digest } from '../lib/secrets.ts'
import type { AuthorizationCode } from '../repositories/authorization-codes.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { Grant } from './registry.ts'
import { requireInteractive } from './require-interactive.ts'

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'write'>
  readonly clock: Clock
  readonly audit: Audit
  readonly readCatalogue: ReadCatalogue
}

const refuse = (description: string, detail: Record<string, string | number | undefined> = {}): OAuthError =>
  new OAuthError('invalid_grant', description, detail)

/** Exchanges an authorization code for tokens. @see RFC 6749 §4.1.3 */
export function createAuthorizationCodeGrant({ store, clock, audit, readCatalogue }: Dependencies): Grant {
  /** A code that comes back has leaked: what it was exchanged for dies, before the refusal is told. @see RFC 6749 §4.1.2 */
  async function refuseReuse({ family, userId }: AuthorizationCode, app: AuthenticatedApp): Promise<never> {
    await store.write(({ families }) => families.revoke(family, clock()))
    audit({ event: 'code_reuse', ...auditedApp(app), user: userId, detail: { family } })
    throw refuse('the code has already been used; the tokens it was exchanged for are revoked')
  }

  /** Refuses a code whose sign-in was ended between authorize and token. */
  async function requireStillSignedIn(code: AuthorizationCode): Promise<void> {
    const session = await store.read.sessions.find(code.signIn.sid)
    if (!session || session.endedAt !== undefined) throw refuse('the person signed out since the code was issued')
  }

  function redemptionOf(
    code: AuthorizationCode,
    codeDigest: string,
    expiresAt: number,
    app: AuthenticatedApp,
  ): Redemption<Repositories> {
    return {
      async spend(unit) {
        if (!(await unit.codes.spend(codeDigest, clock()))) return false
        await unit.families.start({ ...code, startedAt: clock(), expiresAt })
        return true
      },
      tooLate: () => refuseReuse(code, app),
    }
  }

  async function authorize(app: AuthenticatedApp, form: Form): Promise<UserAuthorization<Repositories>> {
    requireInteractive(app)
    const codeDigest = digest(form.require('code'))
    const code = await store.read.codes.find(codeDigest)
    if (!code) throw refuse('the code is unknown')
    if (code.applicationUri !== app.applicationUri) {
      throw refuse('the code was issued to another app', { sent: app.applicationUri, expected: code.applicationUri })
    }
    if (code.spentAt !== undefined) return refuseReuse(code, app)
    if (code.expiresAt <= clock()) throw refuse('the code has expired', { expiresAt: code.expiresAt })
    requireSameRedirectUri(code, form.get('redirect_uri'))
    requireVerifier(code, form.get('code_verifier'))
    await requireStillSignedIn(code)
    const user = await store.read.users.find(code.userId)
    const ended = whyEnded(code, app, user) ?? (user && whyNotAdmitted(app, user))
    if (!user || ended !== undefined)
      throw refuse('the app or the user was changed or disabled since the code was issued', { cause: ended })
    const refreshUntil = code.scope.includes('offline_access') ? clock() + refreshTokenLifetime(app) : undefined
    return {
      kind: 'user',
      app,
      user,
      signIn: code.signIn,
      ...narrowToResources(form, code, undefined, app, await readCatalogue()),
      nonce: code.nonce,
      family: code.family,
      refreshUntil,
      redemption: redemptionOf(code, codeDigest, refreshUntil ?? clock() + accessTokenLifetime(app), app),
    }
  }

  return { type: 'authorization_code', authorize }
}

/** @see RFC 6749 §4.1.3 */
function requireSameRedirectUri(code: AuthorizationCode, sent: string | undefined): void {
  if (sent === code.redirectUri) return
  throw refuse(
    sent === undefined ? 'redirect_uri is missing' : 'redirect_uri is not the one of the authorization request',
    {
      sent,
      expected: code.redirectUri,
    },
  )
}

/** @see RFC 7636 §4.6, RFC 9700 §4.8.2 */
function requireVerifier(code: AuthorizationCode, verifier: string | undefined): void {
  if (code.codeChallenge === undefined) {
    if (verifier !== undefined)
      throw refuse('code_verifier is sent, but the authorization request had no code_challenge')
    return
  }
  if (verifier === undefined) throw refuse('code_verifier is missing')
  if (!verifierMatches(verifier, code.codeChallenge)) throw refuse('code_verifier does not match the code_challenge')
}
