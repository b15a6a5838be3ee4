import { ASSERTION_ALGORITHMS, ASSERTION_AUDIENCES, AUTH_METHODS, REQUEST_OBJECT_ALGORITHMS } from './app-choices.ts'
import { flag, keySet, oneOf, optionalOneOf, uris, url } from './attribute-kinds.ts'
import { row } from './attribute-row.ts'
import * as rules from './value-rules.ts'

/** How an app proves who it is: rows of the table of attributes, in their order. */
export const KEY_ATTRIBUTES = {
  jwks: row(keySet, undefined, 'keys', {
    meaning: 'public keys of the app; instead of JwksUri',
    rule: rules.keySet,
    metadata: 'jwks',
  }),
  jwksUri: row(url, undefined, 'keys', {
    meaning: 'URL of the JWK Set of the app; instead of Jwks',
    rule: rules.keySetUrl,
    metadata: 'jwks_uri',
    called: true,
  }),
  tokenEndpointAuthMethod: row(oneOf(AUTH_METHODS), 'client_secret', 'keys', {
    meaning: 'how the app authenticates; `client_secret`: its secret, in header or body',
    metadata: 'token_endpoint_auth_method',
    readApart: true,
  }),
  tokenEndpointAuthSigningAlg: row(optionalOneOf(ASSERTION_ALGORITHMS, 'any that fits the method'), undefined, 'keys', {
    meaning: 'the only algorithm for its assertions; default: any that fits the method',
    metadata: 'token_endpoint_auth_signing_alg',
  }),
  clientAssertionAudience: row(oneOf(ASSERTION_AUDIENCES), 'lenient', 'keys', {
    meaning: '`issuer`: `aud` is the issuer alone (FAPI 2); `lenient`: or an endpoint',
  }),
  requestObjectSigningAlg: row(optionalOneOf(REQUEST_OBJECT_ALGORITHMS, 'any'), undefined, 'keys', {
    meaning: 'the only algorithm for its request objects, or `none` for unsigned ones; default: any',
    metadata: 'request_object_signing_alg',
  }),
  /** @see RFC 9101 §10.5 */
  requireSignedRequestObject: row(flag, false, 'keys', {
    meaning: 'authorization requests must use a signed request object',
    metadata: 'require_signed_request_object',
  }),
  requestUris: row(uris('https URLs'), [], 'keys', {
    meaning: 'from where request objects of the app are fetched: https URLs of up to 512 characters',
    rule: rules.requestUris,
    metadata: 'request_uris',
    called: true,
  }),
}
