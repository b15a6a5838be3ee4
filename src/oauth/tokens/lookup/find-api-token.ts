import { type ApiResource, mayAskAbout } from '../../../domain/access/api-resource.ts'
import { type AuthenticatedApp, requireStillEnabled } from '../../../domain/access/authenticated-app.ts'
import type { ReadCatalogue } from '../../../domain/access/resource-indicators.ts'
import { type OperatorHalf, Refused } from '../../../domain/refusals/errors.ts'
import type { TokenCheckUnit } from '../../../store/store.ts'
import type { LookUpToken } from './find-token.ts'
import type { RecheckToken } from './recheck-token.ts'
import type { ActiveAccessToken, ActiveToken, InactiveToken } from './token-status.ts'

interface Dependencies {
  readonly lookUpToken: LookUpToken
  readonly recheckToken: RecheckToken
  readonly readCatalogue: ReadCatalogue
}

export type FindApiToken = ReturnType<typeof createFindApiToken>

/** An access token with which somebody calls an API. */
export interface ApiToken extends ActiveAccessToken {
  /** Checks the token, and the app that asks, again by what a unit of work sees. @throws Refused as `findApiToken` */
  readonly recheck: (unit: TokenCheckUnit) => Promise<unknown>
}

/** Finds the access token with which somebody calls an API. */
export function createFindApiToken({ lookUpToken, recheckToken, readCatalogue }: Dependencies) {
  /**
   * @param caller the app through which the API asks
   * @throws Refused `invalid_token`, whatever the token lacks: of a token of others the caller learns nothing
   */
  return async function findApiToken(value: string, caller: AuthenticatedApp): Promise<ApiToken> {
    // Both are asked whatever comes of either, so that the time tells little about tokens of others.
    const [found, { resources }] = await Promise.all([lookUpToken(value), readCatalogue()])
    const token = requireApiToken(found, caller, resources)
    return {
      ...token,
      async recheck(unit) {
        requireStillEnabled(caller, await unit.apps.find(caller.applicationUri))
        requireApiToken(await recheckToken(token, unit), caller, await unit.resources.list())
      },
    }
  }
}

function requireApiToken(
  token: ActiveToken | InactiveToken,
  caller: AuthenticatedApp,
  resources: readonly ApiResource[],
): ActiveAccessToken {
  const refuse = (detail: OperatorHalf): Refused =>
    new Refused(
      'invalid_token',
      'the token is not valid, or not for an API of this app',
      { client_id: caller.applicationUri, ...detail },
      { status: 400 },
    )
  if (token.kind === 'inactive') {
    const { rule, cause, app = caller, user } = token
    throw refuse({ rule, cause, client_id: app.applicationUri, user })
  }
  if (token.kind === 'refresh_token')
    throw refuse({ rule: 'access-token-foreign', cause: 'a refresh token was sent instead of an access token' })
  const apis = [token.claims.aud ?? []].flat().filter((id) => resources.some(({ identifier }) => identifier === id))
  if (apis.length === 0)
    throw refuse({
      rule: 'token-without-api',
      cause: 'the token is not for an API: none of its scopes belongs to one',
      issued_to: token.app.applicationUri,
    })
  if (!mayAskAbout(caller, token, resources))
    throw refuse({
      rule: 'token-of-another-api',
      cause: `the token was issued to another app and is for ${apis.join(', ')}, which ${caller.applicationUri} does not serve`,
      issued_to: token.app.applicationUri,
      api: apis[0],
    })
  return token
}
