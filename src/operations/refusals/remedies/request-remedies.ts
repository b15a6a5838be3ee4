import { actsAlone } from '../../../domain/apps/trusted-application.ts'
import { uriLeaveOf } from '../../../domain/apps/uri-leave.ts'
import { isLoopbackHost, matchesRegistered } from '../../../domain/protocol/redirect-uri.ts'
import { whyUnregistrable } from '../../../domain/protocol/registrable-uri.ts'
import { shellWord } from '../../../lib/text/shell.ts'
import { developer, type Facts, inTheApp, type Remedies, type Remedy, trusting, update } from './remedy.ts'

/** What is asked of an address where no record says more. */
const ONLY_SAFE = { schemes: 'none', plainHttp: 'never' } as const

const hostOf = (uri: string): string => (URL.canParse(uri) ? new URL(uri).hostname : '')

/** Whether two addresses plainly belong together: the same host, or both on the developer's own machine. */
const sameHost = (one: string, other: string): boolean =>
  hostOf(one) !== '' &&
  (hostOf(one) === hostOf(other) || (isLoopbackHost(hostOf(one)) && isLoopbackHost(hostOf(other))))

/** The address of the machine itself in place of its name, where a registered one matches it on any port. @see RFC 8252 §7.3 */
function loopbackAddress(sent: string, known: readonly string[], anyPort: boolean): string | undefined {
  const addresses = ['127.0.0.1', '[::1]'].map((address) => sent.replace('//localhost', `//${address}`))
  return addresses.find((uri) => uri !== sent && known.some((one) => matchesRegistered(uri, one, anyPort)))
}

/** The flag that adds an address to those that are there, whoever has changed them meanwhile. */
const ADDED_BY = { ImpersonateLoginUrl: '--add-redirect-uri', ImpersonateLogoutUrl: '--add-logout-uri' } as const

const addUri = (uri: string, attribute: keyof typeof ADDED_BY, address: string, ...others: readonly string[]): string =>
  `${update(uri, ...others)} ${ADDED_BY[attribute]} ${shellWord(address)}`

/**
 * Registers an address, or has the app send the registered one. Where the address is a stranger's, registering it would
 * hand over the app's users, so that is then not what is proposed first.
 */
function registerUri(attribute: keyof typeof ADDED_BY, parameter: string) {
  return (facts: Facts): Remedy => {
    const { uri, sent, nearest } = facts
    const { app } = facts.registered
    if (app && actsAlone(app) && whyUnregistrable(sent, ONLY_SAFE) === undefined) return sendAnotherApp(facts)
    const known = (attribute === 'ImpersonateLoginUrl' ? app?.impersonateLoginUrl : app?.impersonateLogoutUrl) ?? []
    const send = inTheApp(
      nearest === undefined ? `send a ${parameter} that is registered` : `send ${parameter}=${nearest}`,
    )
    const byAddress = loopbackAddress(sent, known, app?.clientType === 'Public')
    const why = whyUnregistrable(sent, app ? uriLeaveOf(app) : ONLY_SAFE)
    if (why !== undefined) return { fix: send, otherwise: `the value sent cannot be registered: it ${why}` }
    const register = addUri(uri, attribute, sent)
    if (byAddress !== undefined) {
      return { fix: inTheApp(`send ${parameter}=${byAddress}, which matches on any port`), otherwise: register }
    }
    return known.some((one) => sameHost(one, sent))
      ? { fix: register, otherwise: send }
      : { fix: send, otherwise: `only if this address belongs to the app: ${register}` }
  }
}

/** A service that people are sent to sign in at: mostly the client_id is that of the app beside it. */
function sendAnotherApp({ uri, sent, registered: { appsAt } }: Facts): Remedy {
  const other = appsAt.length === 1 ? appsAt[0] : undefined
  const admitting = addUri(uri, 'ImpersonateLoginUrl', sent, 'ImpersonateAsInternalUserAllowed=true')
  return {
    fix: inTheApp(
      other === undefined
        ? 'send the client_id of the app that people sign in to; tessera app list shows them'
        : `send client_id=${other}, with which this redirect URI is registered`,
    ),
    otherwise: `only if people are to sign in to this app too, at this address: ${admitting}`,
  }
}

const parameterOf = ({ refusal }: Facts): string => String(refusal.detail['parameter'] ?? 'the parameter')

/** A parameter with the value that it most likely has. */
function exampleOf(parameter: string, { registered: { app } }: Facts): string {
  if (parameter === 'response_type') return `response_type=${app?.responseTypes[0] ?? 'code'}`
  if (parameter === 'grant_type' && app)
    return actsAlone(app)
      ? 'grant_type=client_credentials'
      : 'grant_type=authorization_code, or another that the app uses'
  const [first, ...more] = parameter === 'redirect_uri' ? (app?.impersonateLoginUrl ?? []) : []
  if (first === undefined) return parameter
  return `redirect_uri=${first}${more.length > 0 ? ', or another that is registered' : ''}`
}

const WITHOUT_PASSWORDS =
  'never take passwords: let people sign in with grant_type=authorization_code, and let a script act as a service with grant_type=client_credentials, or for one person with a reference token'

const chooseOffered =
  (parameter: string) =>
  ({ nearest }: Facts): Remedy => ({
    fix: inTheApp(nearest === undefined ? `send a ${parameter} that is supported` : `send ${parameter}=${nearest}`),
  })

const USE_PKCE =
  'create a code_verifier for each sign-in, send its base64url SHA-256 as code_challenge with code_challenge_method=S256, and send the verifier with the code'

/** What to do about how a request is written. */
export const REQUEST_REMEDIES = {
  'parameter-missing': (facts) => ({
    fix: inTheApp(`send ${exampleOf(parameterOf(facts), facts)}`),
    expected: parameterOf(facts),
  }),
  'parameter-repeated': (facts) => ({
    fix: inTheApp(`send ${parameterOf(facts)} once`),
    expected: `${parameterOf(facts)} once`,
  }),
  'parameter-too-long': (facts) => ({ fix: inTheApp(`send a shorter ${parameterOf(facts)}`) }),
  'parameters-in-url': developer(
    'send the parameters in the body of the POST, form-encoded',
    'an address without a query',
  ),
  'parameters-too-many': developer('send only parameters that this endpoint uses', 'at most 64 parameters'),
  'body-type-wrong': developer(
    'send the body form-encoded, as application/x-www-form-urlencoded, not as JSON',
    'application/x-www-form-urlencoded',
  ),
  'body-coding-wrong': developer('send the body in UTF-8, without Content-Encoding'),
  'query-coding-wrong': developer(
    'percent-encode the query from UTF-8, as URLSearchParams does',
    'percent-encoded UTF-8',
  ),
  'method-wrong': developer('use a method from the Allow header of the response', 'a method from the Allow header'),
  'host-unknown': () => ({
    fix: 'let the proxy pass on the Host header, or send requests to the address of the issuer',
    otherwise: 'if programs inside the network use another name: add it to TESSERA_HOSTS',
  }),
  'request-malformed': developer('send a complete HTTP request of at most the allowed size'),
  'request-object-sent': developer(
    'send plain parameters instead of a request object',
    'neither request nor request_uri',
  ),
  'request-object-twice': developer('send either request or request_uri', 'request or request_uri'),
  'request-object-missing': ({ uri }) => ({
    fix: inTheApp('send the parameters in a signed request object, as request or request_uri'),
    otherwise: `only for an app that cannot sign its requests: ${update(uri, 'RequireSignedRequestObject=false')}`,
    expected: 'a signed request object',
  }),
  'request-object-unsigned': developer('sign the request object', 'a signed request object'),
  'request-object-differs': developer(
    'send the same client_id and response_type in the request object and as parameters',
    'client_id and response_type as in the parameters',
  ),
  'request-object-nested': developer('omit request and request_uri from the request object'),
  'request-object-malformed': developer('put each parameter into the request object as text, claims as an object'),
  'request-object-for-another-audience': developer('set iss to the client_id and aud to the issuer, and omit sub'),
  'request-object-out-of-time': developer(
    'create a new request object for each sign-in, with exp some minutes ahead; compare the clocks of the machines (timedatectl)',
  ),
  'request-uri-unregistered': ({ uri, sent, registered: { app } }) => ({
    fix: update(uri, `RequestUris=${[...(app?.requestUris ?? []), sent].join(',')}`),
    otherwise: inTheApp('send a registered request_uri, or the request object itself as request'),
  }),
  'request-uri-unreachable': (facts) =>
    trusting(facts, 'a request object') ??
    developer(
      'make that URL return the request object: within 5 s, with status 200, at most 16 KiB, without a redirect',
      'a request object',
    )(),
  'request-too-long': developer('send fewer and shorter parameters, especially a shorter state'),
  'address-unknown': developer('use the addresses in /.well-known/openid-configuration'),
  'address-guessed': developer(
    'use the address that the answer names; libraries read it from /.well-known/openid-configuration',
  ),
  'redirect-uri-unregistered': registerUri('ImpersonateLoginUrl', 'redirect_uri'),
  'logout-uri-unregistered': registerUri('ImpersonateLogoutUrl', 'post_logout_redirect_uri'),
  'logout-uri-without-app': developer(
    'send id_token_hint with the ID token of the sign-in, or client_id',
    'id_token_hint or client_id',
  ),
  'response-type-unsupported': developer(
    'send response_type=code, and exchange the code at the token endpoint; a redirect brings no access token',
  ),
  'response-type-unregistered': ({ uri, registered: { app }, sent }) => {
    const allow = update(uri, `ResponseTypes=${[...(app?.responseTypes ?? []), sent].join(',')}`)
    const send = inTheApp(`send response_type=${app?.responseTypes[0] ?? 'code'}`)
    // Without a code, tokens go through the browser: that is for old clients alone.
    return /\bcode\b/.test(sent)
      ? { fix: allow, otherwise: send }
      : { fix: send, otherwise: `only for an old client that cannot: ${allow}` }
  },
  'response-mode-unsupported': chooseOffered('response_mode'),
  'response-mode-unsafe': developer('send response_mode=fragment, or omit it'),
  'pkce-missing': ({ uri, registered: { app } }) => ({
    fix: inTheApp(USE_PKCE),
    otherwise:
      app?.clientType === 'Confidential'
        ? `only for a library that cannot: ${update(uri, 'RequirePkce=false')}`
        : undefined,
    expected: 'code_challenge, and code_challenge_method S256',
  }),
  'pkce-method-alone': developer(USE_PKCE, 'code_challenge'),
  'pkce-method-unsupported': developer('send code_challenge_method=S256 and the base64url SHA-256 of the verifier'),
  'pkce-challenge-malformed': developer(
    'send the base64url SHA-256 of the verifier without padding, not its hex form and not the verifier',
    '43 characters of base64url',
  ),
  'parameter-has-too-many-values': (facts) => ({
    fix: inTheApp(
      parameterOf(facts) === 'resource' ? 'name fewer APIs in resource' : `send fewer ${parameterOf(facts)} at once`,
    ),
  }),
  'nonce-missing': developer(
    'create a nonce for each sign-in, send it, and compare it with the one in the ID token',
    'nonce',
  ),
  'prompt-unknown': chooseOffered('prompt'),
  'prompt-none-combined': developer('send prompt=none without other values'),
  'claims-malformed': developer(
    'send claims as url-encoded JSON, such as {"userinfo":{"name":null}}',
    '{"userinfo":{...},"id_token":{...}}',
  ),
  'acr-out-of-reach': developer('ask for an acr from acr_values_supported, or omit "essential"'),
  'max-age-malformed': developer('send max_age in whole seconds', 'only digits'),
  'id-token-hint-foreign': developer('send the last ID token that this server issued to the app, or omit the hint'),
  'grant-type-unsupported': (facts) =>
    facts.sent === 'password' ? { fix: inTheApp(WITHOUT_PASSWORDS) } : chooseOffered('grant_type')(facts),
} as const satisfies Remedies
