import * as client from 'openid-client'
import { DemoProblem } from './problem.ts'
import type { PendingSignIn, SignedIn } from './web-app-session.ts'

/** A sign-in on its way: where to send the browser, and what to remember under which `state`. */
export interface BegunSignIn {
  readonly url: string
  readonly state: string
  readonly pending: PendingSignIn
}

/** Makes an authorization request with PKCE, state and nonce. @see OpenID Connect Core §3.1.2.1, RFC 7636 §4.3 */
export async function beginSignIn(
  config: client.Configuration,
  redirectUri: string,
  scope: string,
): Promise<BegunSignIn> {
  const [codeVerifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()]
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  })
  return { url: url.href, state, pending: { codeVerifier, nonce } }
}

/**
 * Exchanges the code that the browser brought for tokens, and asks who the person is.
 * @param here the address the browser came back to, with its parameters
 * @throws DemoProblem when the sign-in was not begun in this browser; openid-client's errors for what the server refuses
 */
export async function completeSignIn(
  config: client.Configuration,
  here: URL,
  pending: PendingSignIn | undefined,
): Promise<SignedIn> {
  if (pending === undefined)
    throw new DemoProblem('This sign-in was not begun in this browser, or it is complete already.')
  const tokens = await client.authorizationCodeGrant(config, here, {
    pkceCodeVerifier: pending.codeVerifier,
    expectedState: here.searchParams.get('state') ?? '',
    expectedNonce: pending.nonce,
  })
  const idClaims = tokens.claims()
  if (idClaims === undefined || tokens.id_token === undefined) throw new DemoProblem('The server sent no ID token.')
  const userInfo = await client.fetchUserInfo(config, tokens.access_token, idClaims.sub)
  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    idToken: tokens.id_token,
    idClaims,
    userInfo,
  }
}

/** Exchanges the refresh token for new tokens; what the server does not send again stays as it was. @see RFC 6749 §6 */
export async function renewTokens(config: client.Configuration, old: SignedIn): Promise<SignedIn> {
  if (old.refreshToken === undefined)
    throw new DemoProblem('There is no refresh token: offline_access was not granted.')
  const tokens = await client.refreshTokenGrant(config, old.refreshToken)
  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? old.refreshToken,
    idToken: tokens.id_token ?? old.idToken,
    idClaims: tokens.claims() ?? old.idClaims,
    userInfo: await client.fetchUserInfo(config, tokens.access_token, old.idClaims.sub),
  }
}

/** Gives back the refresh token, and says where the browser must go to end the session at the server as well. */
export async function endSignIn(config: client.Configuration, old: SignedIn, backTo: string): Promise<string> {
  // Signing out must work even if revocation does not; the token then ends by its lifetime.
  if (old.refreshToken !== undefined) await client.tokenRevocation(config, old.refreshToken).catch(() => undefined)
  const url = client.buildEndSessionUrl(config, { id_token_hint: old.idToken, post_logout_redirect_uri: backTo })
  return url.href
}
