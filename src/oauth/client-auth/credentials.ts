import type { ClientAuthMethod } from '../../domain/access/authenticated-app.ts'
import { type Form, longestValue } from '../../domain/protocol/form.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { readCompactJws } from '../../lib/crypto/compact-jws.ts'
import { decodeUtf8 } from '../../lib/text/utf8.ts'

/** What a request says of its sender, before anything is proved. */
export interface ClientCredentials {
  readonly method: ClientAuthMethod
  readonly clientId: string
  readonly secret: string | undefined
  /** A JWT by which the app says who it is. @see RFC 7523 §2.2 */
  readonly assertion?: string
  /** The same where the sender did not form-url-encode it, as many do not. */
  readonly unencodedSecret?: string
}

/** What a client is told of its authentication, whatever was wrong. */
export const REFUSED = 'the app is unknown, or its authentication is wrong or missing'

/** Characters. */
export const LONGEST_ASSERTION = 49_152
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Reads client credentials from the header or the body, never from both.
 * @throws Refused `invalid_request` for two methods at once, `invalid_client` for none or a malformed header
 * @see RFC 6749 §2.3.1
 */
export function readCredentials(authorization: string | undefined, form: Form): ClientCredentials {
  const clientId = form.get('client_id')
  const secret = form.get('client_secret')
  if (form.has('client_assertion') || form.has('client_assertion_type')) {
    if (authorization !== undefined)
      throw sentTwice(undefined, 'an Authorization header was sent together with an assertion')
    if (secret !== undefined) throw sentTwice(undefined, 'client_secret was sent together with an assertion')
    return readAssertion(form, clientId)
  }
  if (authorization === undefined) {
    if (clientId === undefined) {
      throw new Refused('invalid_client', 'client_id is missing', {
        rule: 'client-id-missing',
        cause: 'neither an Authorization header nor client_id was sent',
      })
    }
    return { method: secret === undefined ? 'none' : 'client_secret_post', clientId, secret }
  }
  if (secret !== undefined) throw sentTwice(clientId, 'an Authorization header was sent together with client_secret')
  const basic = readBasicHeader(authorization)
  if (clientId !== undefined && clientId !== basic.clientId) {
    throw new Refused('invalid_request', 'client_id differs between the Authorization header and the body', {
      rule: 'client-id-differs',
      cause: 'the header names one app and client_id names another',
    })
  }
  return basic
}

const sentTwice = (clientId: string | undefined, cause: string): Refused =>
  new Refused(
    'invalid_request',
    'client credentials were sent twice: use either the Authorization header or the body',
    {
      rule: 'credentials-sent-twice',
      client_id: clientId,
      cause,
    },
  )

/** The assertion itself says whom it is about where client_id does not. @see RFC 7521 §4.2 */
function readAssertion(form: Form, clientId: string | undefined): ClientCredentials {
  const assertion = form.get('client_assertion')
  const refuse = (rule: RefusalRule, cause: string): Refused =>
    new Refused('invalid_client', REFUSED, { rule, cause, client_id: clientId })
  if (form.get('client_assertion_type') !== ASSERTION_TYPE)
    throw refuse('assertion-type-wrong', 'client_assertion_type is not the one for JWTs')
  if (assertion === undefined)
    throw refuse('assertion-missing', 'client_assertion_type was sent, but no client_assertion')
  const jws = readCompactJws(assertion, LONGEST_ASSERTION)
  const named = clientId ?? jws?.payload['sub']
  if (typeof named !== 'string' || named === '' || named.length > longestValue('client_id'))
    throw refuse('app-jwt-malformed', 'client_assertion is not a JWT whose sub names the app')
  return { method: methodOf(jws?.header['alg']), clientId: named, secret: undefined, assertion }
}

/** The method that a header speaks of; whether the app is registered for it is checked later. */
const methodOf = (alg: unknown): ClientAuthMethod =>
  typeof alg === 'string' && alg.startsWith('HS') ? 'client_secret_jwt' : 'private_key_jwt'

function readBasicHeader(authorization: string): ClientCredentials {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization)?.[1]
  const [clientId, sent = ''] =
    encoded === undefined ? [] : splitBasic(decodeUtf8(Buffer.from(encoded, 'base64')) ?? '')
  if (!clientId || clientId.length > longestValue('client_id'))
    throw new Refused('invalid_client', 'the Authorization header does not contain Basic credentials', {
      rule: 'basic-header-malformed',
      cause: 'the word Basic must be followed by base64 of client_id, a colon and the secret in UTF-8',
    })
  // A client without a secret may send the header all the same. @see RFC 6749 §2.3.1
  if (sent === '') return { method: 'none', clientId, secret: undefined }
  return { method: 'client_secret_basic', clientId, secret: formDecode(sent) ?? sent, unencodedSecret: sent }
}

/** Both halves are form-url-encoded before they are joined. @see RFC 6749 Appendix B */
function splitBasic(text: string): (string | undefined)[] {
  const colon = text.indexOf(':')
  if (colon < 0) return []
  return [formDecode(text.slice(0, colon)), text.slice(colon + 1)]
}

function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
