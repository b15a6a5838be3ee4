import { setTimeout as delay } from 'node:timers/promises'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { createRelyingParty } from '../../test/fixtures/clients/relying-party.ts'
import { defineCheck } from './lib/check.ts'
import { startNode } from './lib/node.ts'
import { prepareSite, type Site, SYNC } from './lib/site.ts'
import { whenStarted } from './lib/when-started.ts'

/** An API that fetches the keys now and then, and never in between. */
async function startVerifier(site: Site, cacheFor: number) {
  const fetchKeys = async () => {
    const answer = await fetch(`${site.issuer}/.well-known/openid-configuration/jwks`)
    return createLocalJWKSet((await answer.json()) as JSONWebKeySet)
  }
  let keys = await fetchKeys()
  let stopped = false
  const refreshed = (async () => {
    while (!stopped) {
      await delay(cacheFor)
      keys = await fetchKeys()
    }
  })()
  return {
    verify: (token: string) => jwtVerify(token, keys, { issuer: site.issuer, typ: 'at+jwt' }),
    stop: () => {
      stopped = true
      return refreshed
    },
  }
}

export const check = defineCheck({
  id: 'R-10',
  what: 'tessera key rotate, again and again, while a service fetches tokens and an API verifies them with keys that it fetched a while ago',
  required:
    'no token fails verification, neither a new one nor one signed with the key before; the new key signs only after the caches have it',
  async run(run, { rotations, every, publishFor, cacheFor, workers, perSecond }) {
    const site = await prepareSite(run, { people: 1 })
    await startNode(run, site)
    const verifier = await startVerifier(site, cacheFor)
    const service = createRelyingParty(site, { clientId: SYNC, login: '' })
    const kids = new Set<string>()
    const kept: string[] = []
    let [issued, failed, refused, stopped] = [0, 0, 0, false]

    async function verify(token: string): Promise<void> {
      try {
        const { protectedHeader } = await verifier.verify(token)
        kids.add(String(protectedHeader.kid))
      } catch (error) {
        failed++
        run.say(`not verified: ${String(error)}`)
      }
    }
    async function work(): Promise<void> {
      while (!stopped) {
        const pause = delay((1000 * workers) / perSecond)
        const { status, json } = await service.requestToken({ grant_type: 'client_credentials' })
        if (status !== 200) refused++
        else {
          issued++
          const token = String(json['access_token'])
          await verify(token)
          if (issued % 20 === 0) kept.push(token)
        }
        await pause
      }
    }

    const started = performance.now()
    const working = Promise.all(Array.from({ length: workers }, work))
    for (let round = 0; round < rotations; round++) {
      const pause = delay(every)
      const args = ['key', 'rotate', '--publish-for', `${publishFor / 1000}s`, '--force']
      const { code, stderr } = await site.tessera(args)
      if (code !== 0) throw new Error(`key rotate: ${stderr}`)
      await pause
    }
    await delay(publishFor)
    stopped = true
    await working
    const seconds = (performance.now() - started) / 1000
    // An API that starts only now knows all the keys that tokens in use were signed with.
    await delay(cacheFor)
    for (const token of kept) await verify(token)
    await verifier.stop()
    run.told('rotations', rotations)
    run.told('keys are cached for', cacheFor / 1000, 's')
    run.told('tokens issued and verified', issued)
    run.told('load reached', issued / seconds, 'requests/s')
    run.told('older tokens verified at the end', kept.length)
    run.none('tokens not verified', failed)
    run.none('requests refused', refused)
    run.atLeast('keys that signed', kids.size, Math.min(rotations, 2))
  },
})

await whenStarted(import.meta.url, check)
