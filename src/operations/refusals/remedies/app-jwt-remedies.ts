import { developer, type Facts, inTheApp, type Remedies, type Remedy, rotate, trusting, update } from './remedy.ts'

const COMPARE_CLOCKS = 'compare the clocks of the machines (timedatectl)'

/** The app does what its record says, or the record says what the app does. */
function agreeOnMethod({ uri, sent, registered: { app } }: Facts): Remedy {
  const method = app?.tokenEndpointAuthMethod
  const names = method === 'client_secret' ? 'client_secret_basic or client_secret_post' : method
  const fix = inTheApp(`authenticate the app with ${names ?? 'its registered method'}`)
  // A secret in place of a key would be a step back, and is never proposed.
  if (method === 'private_key_jwt') return { fix }
  const needsKeys = sent === 'private_key_jwt' && app?.jwks === undefined && app?.jwksUri === undefined
  const change = update(uri, `TokenEndpointAuthMethod=${sent}`, ...(needsKeys ? ['Jwks=JSON'] : []))
  return { fix, otherwise: `if the app is to use ${sent}: ${change}` }
}

function allowAlgorithm({ uri, registered: { app } }: Facts): Remedy {
  const only = app?.tokenEndpointAuthSigningAlg
  return {
    fix: inTheApp('sign with an algorithm that the record allows'),
    otherwise:
      only &&
      `the record allows only ${only}; to allow any algorithm that fits: ${update(uri, 'TokenEndpointAuthSigningAlg=')}`,
    expected: 'RS256, PS256, ES256 or EdDSA; HS256 for client_secret_jwt',
  }
}

function registerKeys({ uri }: Facts): Remedy {
  return {
    fix: update(uri, 'JwksUri=URL'),
    otherwise: `to keep the keys in the record instead: ${update(uri, 'Jwks=JSON')}`,
    expected: 'Jwks or JwksUri',
  }
}

/** What to do about a JWT by which an app proves itself, and about the keys that verify it. */
export const APP_JWT_REMEDIES = {
  'auth-method-unregistered': agreeOnMethod,
  'assertion-type-wrong': developer(
    'send client_assertion_type with the value that RFC 7523 names',
    'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  ),
  'assertion-missing': developer('send client_assertion and client_assertion_type', 'client_assertion'),
  'assertion-of-another-app': developer('set both iss and sub to the client_id', 'the client_id in both iss and sub'),
  'assertion-for-another-audience': ({ uri, registered: { app } }) => ({
    fix: inTheApp('set aud to the issuer, as a text'),
    otherwise:
      app?.clientAssertionAudience === 'issuer'
        ? `only for a library that cannot: ${update(uri, 'ClientAssertionAudience=lenient')}`
        : undefined,
    expected: 'the issuer in aud',
  }),
  'assertion-expired': developer(
    `create a new assertion for each request, with exp a minute ahead; if it does: ${COMPARE_CLOCKS}`,
    'exp, a number of seconds in the near future',
  ),
  'assertion-lives-too-long': developer('set exp a minute ahead', 'exp at most 5 minutes ahead'),
  'assertion-not-yet-valid': developer(
    `set iat to the current time, and omit nbf; if it does: ${COMPARE_CLOCKS}`,
    'iat and nbf not in the future',
  ),
  'assertion-without-id': developer('set jti to a new random value in each assertion', 'jti'),
  'assertion-used': developer(
    'create a new assertion with a new jti for each request',
    'a jti that was never sent before',
  ),
  'app-jwt-malformed': developer(
    'send one signed JWT in compact form: three base64url parts without padding',
    'a signed JWT',
  ),
  'app-jwt-header-unsupported': developer('send a header with only alg and kid', 'alg and kid'),
  'app-jwt-algorithm': allowAlgorithm,
  'app-keys-missing': registerKeys,
  'app-keys-unreachable': (facts) =>
    trusting(facts, 'a JWK Set') ?? {
      fix: `make ${facts.registered.app?.jwksUri ?? 'JwksUri'} return the key set: within 5 s, with status 200, at most 64 KiB, without a redirect`,
      otherwise: `to keep the keys in the record instead: ${update(facts.uri, 'JwksUri=', 'Jwks=JSON')}`,
      expected: 'a JWK Set',
    },
  'app-key-unknown': ({ uri, registered: { app } }) => ({
    fix:
      app?.jwksUri === undefined
        ? update(uri, 'Jwks=JSON')
        : `publish the key at ${app.jwksUri}; the server fetches it at most once a minute`,
    otherwise: inTheApp('sign with a key of the registered set, and send its kid'),
    expected: 'a registered key',
  }),
  'app-signature-wrong': developer(
    'sign with the key that is registered: the app may have been deployed with the key of another stage',
    'a signature made with a key of the app',
  ),
  'app-secret-not-kept': ({ uri }) => ({
    fix: rotate(uri),
    otherwise: 'if only the hash of a secret was entered, it cannot verify a MAC: let Tessera create the secret',
    expected: 'a secret made since TokenEndpointAuthMethod is client_secret_jwt',
  }),
  'app-secret-does-not-open': ({ uri }) => ({
    fix: `tessera app rotate-secret ${uri}`,
    otherwise: 'to keep the secret instead: put back the master key that it was sealed under (TESSERA_MASTER_KEY_FILE)',
    expected: 'a secret that is sealed under a master key at hand',
  }),
} as const satisfies Remedies
