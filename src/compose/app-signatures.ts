import type { Config } from '../config/read-config.ts'
import { APP_SECRETS } from '../domain/apps/app-secret.ts'
import type { WhileOutside } from '../lib/flow/outside.ts'
import { createFetchText } from '../lib/net/fetch-text.ts'
import { createReadEffectiveRequest } from '../oauth/authorize/request/effective-request.ts'
import { createAppKeys } from '../oauth/client-auth/app-keys.ts'
import { createReadSignedRequest } from '../oauth/client-auth/read-signed-request.ts'
import { createVerifySignature } from '../oauth/client-auth/verify-signature.ts'
import type { Core } from './core.ts'

/**
 * What verifies and reads what apps have signed, put together.
 * @param whileOutside bounds who waits
 */
export function createAppSignatures(
  { issuer, requestObjects }: Pick<Config, 'issuer' | 'requestObjects'>,
  { store, outbound, clock, masterKeys }: Pick<Core, 'store' | 'outbound' | 'clock' | 'masterKeys'>,
  whileOutside: WhileOutside,
) {
  const sealedSecrets = masterKeys.rowsFor(APP_SECRETS)
  const fetchKeys = createFetchText(outbound, 'application/jwk-set+json, application/json')
  const verifySignature = createVerifySignature({
    appKeys: createAppKeys({ fetchText: fetchKeys, whileOutside, clock }),
    sealedSecrets,
    read: store.read,
    clock,
  })
  const readEffective = createReadEffectiveRequest({
    apps: store.read.apps,
    readSigned: createReadSignedRequest({ verifySignature, unsigned: requestObjects.unsigned }),
    fetchText: createFetchText(outbound, 'application/oauth-authz-req+jwt, application/jwt'),
    whileOutside,
    offered: requestObjects.offered,
    issuer,
    clock,
  })
  return { sealedSecrets, verifySignature, readEffective }
}
