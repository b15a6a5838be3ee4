import { createReadEffectiveRequest } from './authorize/effective-request.ts'
import { createAppKeys } from './client-auth/app-keys.ts'
import { createVerifySignature } from './client-auth/app-signature.ts'
import { createReadSignedRequest } from './client-auth/read-signed-request.ts'
import type { Config } from './config.ts'
import type { Core } from './core.ts'
import { secretSealingKey } from './domain/app-secret.ts'
import { createFetchText } from './lib/fetch-text.ts'
import type { WhileOutside } from './lib/outside.ts'

/**
 * What verifies and reads what apps have signed, put together for the server and for explanations alike.
 * @param whileOutside bounds who waits; where nobody else is served, nothing does
 */
export function createAppSignatures(
  { issuer, requestObjects }: Pick<Config, 'issuer' | 'requestObjects'>,
  { store, outbound, clock, masterKey }: Pick<Core, 'store' | 'outbound' | 'clock' | 'masterKey'>,
  whileOutside: WhileOutside = (_source, work) => work(),
) {
  const secretKey = secretSealingKey(masterKey)
  const fetchKeys = createFetchText(outbound, 'application/jwk-set+json, application/json')
  const verifySignature = createVerifySignature({
    appKeys: createAppKeys({ fetchText: fetchKeys, whileOutside, clock }),
    secretKey,
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
  return { secretKey, verifySignature, readEffective }
}
