import type { FastifyInstance } from 'fastify'
import type { SigningKeys } from '../../oauth/tokens/keys/signing-keys.ts'

interface Dependencies {
  readonly keys: Pick<SigningKeys, 'publicJwks'>
}

/** The public keys that verify this server's tokens. @see RFC 7517 §5 */
export async function jwksEndpoint(server: FastifyInstance, { keys }: Dependencies): Promise<void> {
  const options = { config: { public: true } } as const
  server.get('/.well-known/openid-configuration/jwks', options, () => keys.publicJwks())
}
