import type { JWTPayload } from 'jose'
import { type IdentityServer, type PostForm, ServerTrouble } from './call-server.ts'
import type { Settings } from './options.ts'
import { invalidToken } from './refused.ts'

interface Dependencies extends Pick<Settings, 'issuer' | 'audience'> {
  readonly server: Pick<IdentityServer, 'locate'>
  readonly post: PostForm
}

export type Introspect = ReturnType<typeof createIntrospect>

const DEAD = 'the access token is unknown, expired, revoked, or not for this API'

/**
 * Asks the server about a token.
 * @returns what it says, once it is seen to be an access token for this API
 * @throws Refused when the token is not good; ServerTrouble when nobody can say
 * @see RFC 7662 §2
 */
export function createIntrospect({ issuer, audience, server, post }: Dependencies) {
  return async (token: string): Promise<JWTPayload> => {
    const { status, body } = await post(await server.locate('introspection_endpoint'), { token })
    if (status !== 200) throw new ServerTrouble(`the identity server answered ${status} to introspection`)
    if (body['active'] !== true) throw invalidToken(DEAD)
    // The server also answers for tokens of this API's own, and for its refresh tokens.
    if (body['token_type'] !== undefined && body['token_type'] !== 'Bearer')
      throw invalidToken('this is not an access token')
    if (body['iss'] !== undefined && body['iss'] !== issuer)
      throw invalidToken('the access token is from another issuer')
    if (![body['aud']].flat().includes(audience))
      throw invalidToken(`the access token is for another API: its aud does not name ${audience}`)
    return body
  }
}
