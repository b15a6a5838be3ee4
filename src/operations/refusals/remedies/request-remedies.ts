import { isLoopbackHost, matchesRegistered, whyUnregistrable } from '../../../domain/protocol/redirect-uri.ts'
import { developer, type Facts, inTheApp, type Remedies, type Remedy, update } from './remedy.ts'

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

/**
 * Registers an address, or has the app send the registered one. Where the address is a stranger's, registering it would
 * hand over the app's users, so that is then not what is proposed first.
 */
function registerUri(attribute: 'ImpersonateLoginUrl' | 'ImpersonateLogoutUrl', parameter: string) {
  return ({ registered: { app }, uri, sent, nearest }: Facts): Remedy => {
    const known = (attribute === 'ImpersonateLoginUrl' ? app?.impersonateLoginUrl : app?.impersonateLogoutUrl) ?? []
    const send = inTheApp(
      nearest === undefined ? `send a ${parameter} that is registered` : `send ${parameter}=${nearest}`,
    )
    const byAddress = loopbackAddress(sent, known, app?.clientType === 'Public')
    const why = whyUnregistrable(sent, app?.clientType === 'Public')
    if (why !== undefined) return { fix: send, otherwise: `what was sent cannot be registered: it ${why}` }
    const register = update(uri, `${attribute}=${[...known, sent].join(',')}`)
    if (byAddress !== undefined) {
      return { fix: inTheApp(`send ${parameter}=${byAddress}, of which any port matches`), otherwise: register }
    }
    return known.some((one) => sameHost(one, sent))
      ? { fix: register, otherwise: send }
      : { fix: send, otherwise: `only if this address is the app's own: ${register}` }
  }
}

const parameterOf = ({ refusal }: Facts): string => String(refusal.detail['parameter'] ?? 'the parameter')

const chooseOffered =
  (parameter: string) =>
  ({ nearest }: Facts): Remedy => ({
    fix: inTheApp(nearest === undefined ? `send a ${parameter} that is offered` : `send ${parameter}=${nearest}`),
  })

const USE_PKCE =
  'make a code_verifier for each sign-in, send its base64url SHA-256 as code_challenge with code_challenge_method=S256, and the verifier with the code'

/** What to do about how a request is written. */
export const REQUEST_REMEDIES = {
  'parameter-missing': (facts) => ({
    fix: inTheApp(`send ${parameterOf(facts)}`),
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
  'parameters-too-many': developer('send only parameters that mean something here', 'at most 64 parameters'),
  'body-type-wrong': developer(
    'send the body form-encoded, as application/x-www-form-urlencoded, not as JSON',
    'application/x-www-form-urlencoded',
  ),
  'method-wrong': developer('use the method that the endpoint takes'),
  'host-unknown': () => ({
    fix: 'let the proxy pass the Host header on, or ask at the address of the issuer',
    otherwise: 'where programs inside the network use a name of its own: name it in TESSERA_HOSTS',
  }),
  'request-malformed': developer('send a complete HTTP request of at most the allowed size'),
  'request-object-sent': developer('send plain parameters in place of a request object', 'no request, no request_uri'),
  'request-object-twice': developer('send either request or request_uri', 'request or request_uri'),
  'request-object-missing': ({ uri }) => ({
    fix: inTheApp('send what it asks in a signed request object, as request or request_uri'),
    otherwise: `where plain parameters shall do: ${update(uri, 'RequireSignedRequestObject=false')}`,
    expected: 'a signed request object',
  }),
  'request-object-unsigned': developer('sign the request object', 'a signed request object'),
  'request-object-differs': developer(
    'send the same client_id and response_type in the request object as beside it',
    'client_id and response_type as beside it',
  ),
  'request-object-nested': developer('leave request and request_uri out of the request object'),
  'request-object-malformed': developer('put each parameter into the request object as text, claims as an object'),
  'request-object-for-another-audience': developer('set iss to the client_id and aud to the issuer, and leave sub out'),
  'request-object-out-of-time': developer(
    'make a new request object for each sign-in, with exp some minutes ahead; compare the clocks of the machines (timedatectl)',
  ),
  'request-uri-unregistered': ({ uri, sent, registered: { app } }) => ({
    fix: update(uri, `RequestUris=${[...(app?.requestUris ?? []), sent].join(',')}`),
    otherwise: inTheApp('send a registered request_uri, or the request object itself as request'),
  }),
  'request-uri-unreachable': developer(
    'serve the request object there: within 5 s, with status 200, at most 16 KiB, without a redirect',
    'a request object',
  ),
  'request-too-long': developer('send fewer and shorter parameters, above all a shorter state'),
  'address-unknown': developer('take the addresses from /.well-known/openid-configuration'),
  'redirect-uri-unregistered': registerUri('ImpersonateLoginUrl', 'redirect_uri'),
  'logout-uri-unregistered': registerUri('ImpersonateLogoutUrl', 'post_logout_redirect_uri'),
  'logout-uri-without-app': developer(
    'send id_token_hint with the ID token of the sign-in, or client_id',
    'id_token_hint or client_id',
  ),
  'response-type-unsupported': chooseOffered('response_type'),
  'response-type-unregistered': ({ uri, registered: { app }, sent }) => ({
    fix: update(uri, `ResponseTypes=${[...(app?.responseTypes ?? []), sent].join(',')}`),
    otherwise: inTheApp(`send response_type=${app?.responseTypes[0] ?? 'code'}`),
  }),
  'response-mode-unsupported': chooseOffered('response_mode'),
  'response-mode-unsafe': developer('send response_mode=fragment, or leave it out'),
  'pkce-missing': ({ uri, registered: { app } }) => ({
    fix: inTheApp(USE_PKCE),
    otherwise: app?.clientType === 'Confidential' ? update(uri, 'RequirePkce=false') : undefined,
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
      parameterOf(facts) === 'resource' ? 'name fewer APIs with resource' : `send fewer ${parameterOf(facts)} at once`,
    ),
  }),
  'resource-malformed': developer('send the identifier of an API: an absolute URI or a registered name, no fragment'),
  'resource-not-allowed': ({ uri, sent, registered: { app } }) => ({
    fix: update(uri, `ApiResources=${[...(app?.apiResources ?? []), sent].join(' ')}`),
    otherwise: 'where there is no such API yet: tessera resource add --help; tessera resource list shows them',
    expected: 'an API that the app may name',
  }),
  'resource-not-granted': developer('name at the token endpoint only APIs that were named at sign-in'),
  'resource-without-scope': developer('ask for a scope of each API that resource names'),
  'scope-of-no-resource': developer('name the API that has the scope as well, or leave the scope out'),
  'nonce-missing': developer('make a nonce for each sign-in, send it, and compare it with the ID token', 'nonce'),
  'prompt-unknown': chooseOffered('prompt'),
  'prompt-none-combined': developer('send prompt=none alone'),
  'claims-malformed': developer(
    'send claims as url-encoded JSON, such as {"userinfo":{"name":null}}',
    '{"userinfo":{...},"id_token":{...}}',
  ),
  'acr-out-of-reach': developer('ask for an acr of acr_values_supported, or leave out "essential"'),
  'max-age-malformed': developer('send max_age in whole seconds', 'digits alone'),
  'id-token-hint-foreign': developer(
    'send the last ID token that this server issued to the app, or leave the hint out',
  ),
  'grant-type-unsupported': chooseOffered('grant_type'),
} as const satisfies Remedies
