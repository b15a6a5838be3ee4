import type { Form } from '../../../domain/protocol/form.ts'
import { Refused } from '../../../domain/refusals/errors.ts'

/** Reads the `sub` of an ID token of ours, expired or not; undefined for anything else. */
export type ReadIdTokenHint = (idToken: string) => Promise<{ readonly sub: string } | undefined>

/** @see OIDC Core §3.1.2.1 */
export async function readSubjectHint(form: Form, readHint: ReadIdTokenHint): Promise<string | undefined> {
  const sent = form.get('id_token_hint')
  if (sent === undefined) return undefined
  const hint = await readHint(sent)
  if (!hint)
    throw new Refused('invalid_request', 'id_token_hint is not an ID token of this server', {
      rule: 'id-token-hint-foreign',
      cause: 'the hint has another issuer, was not signed by a published key of this server, or is not an ID token',
    })
  return hint.sub
}
