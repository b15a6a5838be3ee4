import type { Audit } from '../domain/audit.ts'
import { type AuthenticatedApp, auditedApp } from '../domain/authenticated-app.ts'
import type { Authorization, Redemption, TokenResponse } from '../domain/authorization.ts'
import { OAuthError } from '../domain/errors.ts'
import type { Form } from '../domain/form.ts'
import { whyEnded } from '../domain/liveness.ts'
import { narrowToResources, type ReadCatalogue } from '../domain/resource-indicators.ts'
import { isProtocolScope, readScope, requireWithin } from '../domain/scope.ts'
import { whyNotAdmitted } from '../domain/user-access.ts'
import { type Clock, SECOND } from '../lib/clock.ts'
import { deriveKey, open, seal } from '../lib/sealed-box.ts'
import { digest } from '../lib/secrets.ts'
import type { RefreshToken, Rotation } from '../repositories/refresh-tokens.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { TokenFamily } from '../repositories/token-families.ts'
import type { Grant } from './registry.ts'
import { requireInteractive } from './require-interactive.ts'

interface Dependencies {
  readonly store: Pick<Store, 'read' | 'write'>
  readonly clock: Clock
  readonly audit: Audit
  readonly readCatalogue: ReadCatalogue
}

/** One refresh request: the token as it was presented, and who asked for what with it. */
interface Presented {
  readonly value: string
  readonly digest: string
  readonly fingerprint: string
  readonly app: AuthenticatedApp
}

const refuse = (description: string, detail: Record<string, string | number | undefined> = {}): OAuthError =>
  new OAuthError('invalid_grant', description, detail)

const replayKey = (token: string) => deriveKey(token, 'refresh-replay')

/** Rotates a refresh token on every use. @see RFC 6749 §6, RFC 9700 §4.14.2 */
export function createRefreshTokenGrant({ store, clock, audit, readCatalogue }: Dependencies): Grant {
  /** A refresh token used twice is a lost answer or a leak; the replay window tells them apart. */
  async function replay(presented: Presented, family: TokenFamily, rotation: Rotation): Promise<TokenResponse> {
    const age = clock() - rotation.at
    if (age >= presented.app.refreshReplayWindow * SECOND) return refuseReuse(family, presented.app)
    if (rotation.by !== presented.fingerprint)
      throw refuse('the refresh token has already been used by a different request', { age })
    const answer = open(replayKey(presented.value), rotation.sealedAnswer)
    if (answer === undefined) throw new Error('a stored refresh answer does not open')
    return JSON.parse(answer) as TokenResponse
  }

  /** Committed before the refusal is told, so that the thief's tokens die whatever becomes of the answer. */
  async function refuseReuse({ family, userId }: TokenFamily, app: AuthenticatedApp): Promise<never> {
    await store.write(({ families }) => families.revoke(family, clock()))
    audit({ event: 'refresh_reuse', ...auditedApp(app), user: userId, detail: { family } })
    throw refuse('the refresh token has already been used; all tokens that grew from the same sign-in are revoked')
  }

  function redemptionOf(presented: Presented, family: TokenFamily): Redemption<Repositories> {
    return {
      spend: ({ refreshTokens }, response) =>
        refreshTokens.rotate(presented.digest, {
          at: clock(),
          by: presented.fingerprint,
          sealedAnswer: seal(replayKey(presented.value), JSON.stringify(response)),
        }),
      async tooLate() {
        const { rotation } = (await store.read.refreshTokens.find(presented.digest)) ?? {}
        if (!rotation) throw refuse('the refresh token was revoked')
        return replay(presented, family, rotation)
      },
    }
  }

  /** The family of a token that may be used by this app, now. */
  async function requireLiveFamily(token: RefreshToken | undefined, app: AuthenticatedApp): Promise<TokenFamily> {
    const family = token && (await store.read.families.find(token.family))
    if (!token || !family) throw refuse('the refresh token is unknown')
    if (family.applicationUri !== app.applicationUri) {
      throw refuse('the refresh token was issued to another app', {
        sent: app.applicationUri,
        expected: family.applicationUri,
      })
    }
    if (family.revokedAt !== undefined) throw refuse('the refresh token was revoked', { revokedAt: family.revokedAt })
    if (token.expiresAt <= clock()) throw refuse('the refresh token has expired', { expiresAt: token.expiresAt })
    return family
  }

  async function authorize(app: AuthenticatedApp, form: Form): Promise<Authorization<Repositories>> {
    requireInteractive(app)
    const value = form.require('refresh_token')
    const presented = { value, digest: digest(value), fingerprint: fingerprintOf(app, form), app }
    const token = await store.read.refreshTokens.find(presented.digest)
    const family = await requireLiveFamily(token, app)
    const user = await store.read.users.find(family.userId)
    const ended = whyEnded(family, app, user) ?? (user && whyNotAdmitted(app, user))
    if (!token || !user || ended !== undefined) {
      throw refuse('the app or the user was changed or disabled since the refresh token was issued', { cause: ended })
    }
    if (token.rotation) return { kind: 'answered', response: await replay(presented, family, token.rotation) }
    const granted = { ...family, scope: stillRegistered(family.scope, app.scope) }
    const scope = readNarrowedScope(form, granted.scope)
    return {
      kind: 'user',
      app,
      user,
      signIn: family.signIn,
      ...narrowToResources(form, granted, scope, app, await readCatalogue()),
      nonce: undefined,
      family: family.family,
      refreshUntil: token.expiresAt,
      redemption: redemptionOf(presented, family),
    }
  }

  return { type: 'refresh_token', authorize }
}

/** Who asked, how they proved it and for what; only the very same request gets the same answer again. */
const fingerprintOf = (app: AuthenticatedApp, form: Form): string =>
  digest(
    JSON.stringify([
      app.applicationUri,
      app.authentication.method,
      app.authentication.secret,
      form.get('scope'),
      ...form.all('resource'),
    ]),
  )

/** What was granted, without what the record no longer lists. */
const stillRegistered = (granted: readonly string[], registered: readonly string[]): readonly string[] =>
  granted.filter((scope) => isProtocolScope(scope) || registered.includes(scope))

/** A refresh may ask for less than was granted, never for more. @see RFC 6749 §6 */
function readNarrowedScope(form: Form, allowed: readonly string[]): readonly string[] | undefined {
  const asked = form.get('scope')
  if (asked === undefined) return undefined
  const scope = readScope(asked)
  requireWithin(scope, allowed, 'scope was not granted at sign-in, or is no longer registered for the app')
  return scope
}
