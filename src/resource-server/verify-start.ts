import type { FastifyBaseLogger } from 'fastify'
import type { IdentityServer, PostForm } from './call-server.ts'
import type { Settings } from './options.ts'

interface Dependencies extends Pick<Settings, 'issuer'> {
  readonly server: Pick<IdentityServer, 'get' | 'locate'>
  readonly post: PostForm | undefined
  readonly log: Pick<FastifyBaseLogger, 'info'>
}

/**
 * Asks the identity server once for what every token needs: its discovery and keys, and whether it takes the credentials of this API
 * as those of an app that serves one.
 * @throws Error that says which of them does not hold
 */
export function createVerifyStart({ issuer, server, post, log }: Dependencies) {
  return async (): Promise<void> => {
    try {
      await server.get(await server.locate('jwks_uri'))
      const answer = await post?.('/connect/session/notices', {})
      if (answer !== undefined && answer.status !== 200)
        throw new Error(`the identity server answered ${answer.status} to the credentials of this API`)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`@tessera-id/resource-server: verifyOnReady: ${reason}`, { cause: error })
    }
    log.info({ issuer }, 'the identity server answers')
  }
}
