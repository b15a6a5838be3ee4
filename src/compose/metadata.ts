import type { Config } from '../config/read-config.ts'
import { scopesOf } from '../domain/access/api-resource.ts'
import type { ReadCatalogue } from '../domain/access/resource-indicators.ts'
import { serverMetadata } from '../domain/instance/server-metadata.ts'
import { USER_CLAIMS } from '../domain/protocol/requested-claims.ts'
import { LOCALES } from '../web/kit/answers/messages.ts'

/** What discovery tells of this server: its settings, its parts, and the API resources of the moment. */
export function createMetadata(
  { issuer, responseTypes, requestObjects, registration }: Config,
  grantTypes: readonly string[],
  readCatalogue: ReadCatalogue,
) {
  const facts = {
    issuer,
    grantTypes,
    responseTypes,
    requestObjects,
    userClaims: USER_CLAIMS,
    locales: LOCALES,
    registration: registration.mode !== 'off',
  }
  return async () => serverMetadata({ ...facts, apiScopes: scopesOf((await readCatalogue()).resources) })
}
