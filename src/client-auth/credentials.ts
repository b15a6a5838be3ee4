import type { ClientAuthMethod } from '../domain/authenticated-app.ts'
import { OAuthError } from '../domain/errors.ts'
import { type Form, longestValue } from '../domain/form.ts'

/** What a request says of its sender, before anything is proved. */
export interface ClientCredentials {
  readonly method: ClientAuthMethod
  readonly clientId: string
  readonly secret: string | undefined
  /** The same where the sender did not form-url-encode it, as many do not. */
  readonly unencodedSecret?: string
}

/**
 * Reads client credentials from the header or the body, never from both.
 * @throws OAuthError `invalid_request` for two methods at once, `invalid_client` for none or a malformed header
 * @see RFC 6749 §2.3.1
 */
export function readCredentials(authorization: string | undefined, form: Form): ClientCredentials {
  const clientId = form.get('client_id')
  const secret = form.get('client_secret')
  refuseAssertion(form)
  if (authorization === undefined) {
    if (clientId === undefined) {
      throw new OAuthError('invalid_client', 'client_id is missing', {
        rule: 'client-id-missing',
        cause: 'neither an Authorization header nor client_id was sent',
      })
    }
    return { method: secret === undefined ? 'none' : 'client_secret_post', clientId, secret }
  }
  if (secret !== undefined) {
    throw new OAuthError(
      'invalid_request',
      'client credentials are sent twice: use either the Authorization header or the body',
      {
        rule: 'credentials-sent-twice',
        client_id: clientId,
        cause: 'an Authorization header came together with client_secret',
      },
    )
  }
  const basic = readBasicHeader(authorization)
  if (clientId !== undefined && clientId !== basic.clientId) {
    throw new OAuthError('invalid_request', 'client_id differs between the Authorization header and the body', {
      rule: 'client-id-differs',
      cause: 'the header names one app and client_id another',
    })
  }
  return basic
}

/** An assertion that is not looked at must not be taken for one that was. @see RFC 7521 §4.2 */
function refuseAssertion(form: Form): void {
  if (form.get('client_assertion') === undefined && form.get('client_assertion_type') === undefined) return
  throw new OAuthError('invalid_request', 'client_assertion is not offered: use the secret of the app', {
    rule: 'client-assertion-sent',
    cause: 'client_assertion was sent, and assertions are not offered',
  })
}

function readBasicHeader(authorization: string): ClientCredentials {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization)?.[1]
  const [clientId, sent = ''] = encoded === undefined ? [] : splitBasic(Buffer.from(encoded, 'base64').toString('utf8'))
  if (!clientId || clientId.length > longestValue('client_id'))
    throw new OAuthError('invalid_client', 'the Authorization header holds no Basic credentials', {
      rule: 'basic-header-malformed',
      cause: 'after the word Basic there must be base64 of client_id, a colon and the secret',
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
