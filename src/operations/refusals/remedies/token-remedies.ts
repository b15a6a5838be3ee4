import { MOST_SECONDS } from '../../../domain/apps/value-rules.ts'
import { SECOND } from '../../../lib/time/clock.ts'
import { revive } from './ended-remedy.ts'
import { developer, type Facts, inTheApp, type Remedies, type Remedy, update } from './remedy.ts'

/** Milliseconds; what was repeated later than that no window lets through. */
const LONGEST_REPLAY = MOST_SECONDS.replayWindow * SECOND

const CLOCKS = 'if the app did so in time: compare the clocks of the machines (timedatectl)'

const onItsOwnApp = ({ refusal: { detail } }: Facts): Remedy => ({
  fix: inTheApp(
    `send it as ${detail['expected']}, the app that it was issued to and the person signed in to, and prove that as its record says`,
  ),
})

const signInAgain = developer('on invalid_grant, forget the refresh token and let the person sign in again')

/** Whether an app takes reference tokens, and whose, is for people to decide, never for a command that is pasted. */
function permitReferenceToken(facts: Facts): Remedy {
  const { uri, registered, refusal } = facts
  const cause = String(refusal.detail['cause'])
  const expected = 'a record that permits the token'
  const anybody = update(uri, 'AccessTokens=AuthenticatedUsers')
  if (/AccessTokens None/.test(cause))
    return {
      expected,
      fix: inTheApp('send an access token of a sign-in, or of grant_type=client_credentials'),
      otherwise: `only if the app is to take reference tokens: ${anybody}`,
    }
  if (/is not an administrator/.test(cause))
    return {
      expected,
      fix: 'let an administrator create the token',
      otherwise: `only if everybody may: ${anybody}`,
    }
  if (/act as this System User/.test(cause)) {
    const act = update(uri, 'SystemUserAllowed=true', `SystemUser=${registered.user ?? 'LOGIN'}`)
    return {
      expected,
      fix: `create another token for the System User that the record names: tessera token issue-sat --app ${uri}`,
      otherwise: `only if the app is to act as this one: ${act}`,
    }
  }
  return revive(() => ({ expected, fix: 'let an internal user create the token' }))(facts)
}

/** What to do about codes and tokens. */
export const TOKEN_REMEDIES = {
  'code-unknown': developer('send the code of the redirect unchanged, url-decoded once', 'a code of this server'),
  'code-of-another-app': onItsOwnApp,
  'code-used': developer(
    'redeem each code only once, even if the page of the redirect is reloaded; now begin a new sign-in',
    'a code that was not used before',
  ),
  'code-expired': () => ({
    fix: inTheApp('redeem the code as soon as the redirect arrives'),
    otherwise: CLOCKS,
    expected: 'a code at most 60 s old',
  }),
  'redirect-uri-missing': ({ refusal: { detail } }) => ({
    fix: inTheApp(`send redirect_uri=${detail['expected']} with the code, as in the authorization request`),
  }),
  'redirect-uri-differs': ({ refusal: { detail } }) => ({
    fix: inTheApp(`send redirect_uri=${detail['expected']} with the code, as in the authorization request`),
  }),
  'verifier-unexpected': developer(
    'send code_challenge in the authorization request, so that the verifier proves something',
    'no code_verifier',
  ),
  'verifier-missing': developer(
    'with the code, send the code_verifier from which its code_challenge was made',
    'code_verifier',
  ),
  'pkce-mismatch': developer(
    'keep the code_verifier of each sign-in separately, by its state, and send the one that belongs to this request',
    'the verifier from which the code_challenge was made',
  ),
  'refresh-token-unknown': developer(
    'send the refresh_token of the newest answer, unchanged; it comes where offline_access was asked for at sign-in',
    'a refresh token of this server',
  ),
  'refresh-token-of-another-app': onItsOwnApp,
  'refresh-token-revoked': signInAgain,
  'refresh-token-expired': () => ({
    fix: inTheApp('on invalid_grant, let the person sign in again'),
    otherwise: CLOCKS,
    expected: 'a refresh token within RefreshTokenLifetime',
  }),
  'refresh-token-used': ({ uri, refusal: { detail } }) => ({
    fix: inTheApp('store the new refresh token of every answer before using it, and let the person sign in again'),
    otherwise: /has been used since/.test(String(detail['cause']))
      ? 'if several processes or tabs share a refresh token, refresh in one of them alone'
      : Number(detail['age']) < LONGEST_REPLAY
        ? `only if answers get lost for so long: ${update(uri, `RefreshReplayWindow=${MOST_SECONDS.replayWindow}`)}`
        : undefined,
    expected: 'the newest refresh token',
  }),
  'refresh-token-used-differently': developer(
    'refresh in one place at a time, or repeat exactly the same request',
    'the newest refresh token',
  ),
  'access-token-missing': developer('send the access token as Authorization: Bearer', 'Authorization: Bearer'),
  'access-token-in-url': developer('send the access token as Authorization: Bearer', 'Authorization: Bearer'),
  'access-token-sent-twice': developer('send the access token only in the header', 'one access token'),
  'bearer-header-malformed': developer('send the word Bearer, one space and the access token', 'Bearer and one token'),
  'access-token-foreign': developer(
    'send the access_token of the token endpoint, not the ID token or refresh token, to the server it came from',
    'an access token of this server',
  ),
  'access-token-expired': () => ({
    fix: inTheApp('count expires_in from the moment the token arrives, and refresh before it expires'),
    otherwise: CLOCKS,
    expected: 'an access token that has not expired',
  }),
  'access-token-not-yet-valid': () => ({
    fix: 'set the clock of this server and keep it right (timedatectl set-ntp true)',
    expected: 'the same time on all machines',
  }),
  'access-token-revoked': developer(
    'forget the token, and use a new one: of a refresh, of a new sign-in, or a reference token made anew',
  ),
  'access-token-ended': revive(() => ({ fix: inTheApp('ask for a new token, or let the person sign in again') })),
  'access-token-signed-out': developer(
    'end the session of the app as well, and let the person sign in again; a refresh token outlives the sign-out unless RefreshEndsWithSession is true',
  ),
  'reference-token-malformed': developer(
    'send the complete reference token, as it was shown: enrt_ and 64 characters',
    'enrt_, 56 hexadecimal digits and their checksum',
  ),
  'reference-token-not-permitted': permitReferenceToken,
  'reference-token-makes-none': () => ({
    fix: 'let a page of this server create the token for the person who is signed in there (POST /profile/api/v1/tokens)',
    otherwise: 'to create it for them: tessera token issue-pat --for LOGIN --app APP',
    expected: 'the session of a browser, or an access token from a sign-in',
  }),
  'browser-session-missing': () => ({
    fix: 'sign in with the browser, and let a page of this server send the request',
    expected: 'the cookie of a sign-in session',
  }),
  'access-token-of-service': developer(
    'call userinfo and the profile API only for people, with a token from a sign-in',
  ),
  'access-token-without-openid': developer('add openid to the scope of the sign-in', 'openid'),
  'token-of-another-app': developer('revoke only tokens that were issued to the app itself'),
  'metrics-not-for-everybody': () => ({
    fix: 'set TESSERA_METRICS_TOKEN, restart the server, and have the scraper send it as Authorization: Bearer TOKEN',
    otherwise: 'in the scrape_configs of Prometheus: authorization: { credentials_file: FILE }',
  }),
  'too-many-requests': () => ({
    fix: 'wait as long as Retry-After says, and send fewer requests',
    otherwise: 'if so many requests are intended, raise the TESSERA_LIMIT_ setting named in the cause',
  }),
  'server-busy': () => ({ fix: 'try again shortly; the log shows whether the disk, a lock or the load is the reason' }),
  'network-busy': () => ({
    fix: inTheApp('send fewer requests at once, and wait as long as Retry-After says'),
    otherwise: 'if a proxy relays the requests of many people: add it to TESSERA_TRUSTED_PROXIES',
  }),
  'outside-busy': () => ({
    fix: 'try again shortly; the server named in the cause has to answer faster',
    otherwise: 'to avoid fetching, use Jwks instead of JwksUri, and request instead of request_uri',
  }),
  'server-fault': () => ({ fix: 'find the error in the log, just before this refusal, and report it' }),
} as const satisfies Remedies
