import { setTimeout as delay } from 'node:timers/promises'
import { createRelyingParty } from '../../../test/fixtures/clients/relying-party.ts'
import type { Run } from './run.ts'
import { type Site, SYNC } from './site.ts'

/** What of a server must go on whatever happens to writing: asked again and again, beside a load. */
export interface Probe {
  readonly sent: Record<string, number>
  readonly failed: Record<string, number>
  /** Milliseconds of each answer. */
  readonly took: number[]
  stop(): Promise<void>
}

const EVERY = 50

/**
 * Asks for keys, discovery, introspection and liveness.
 * @param token that must stay active
 */
export function startProbe(run: Run, site: Site, token: string): Probe {
  const sent: Record<string, number> = {}
  const failed: Record<string, number> = {}
  const took: number[] = []
  const app = createRelyingParty(site, { clientId: SYNC, login: '' })
  const get = (path: string) => async (): Promise<boolean> => {
    const answer = await fetch(path)
    await answer.text()
    return answer.status === 200
  }
  const questions: Record<string, () => Promise<boolean>> = {
    keys: get(`${site.issuer}/.well-known/openid-configuration/jwks`),
    discovery: get(`${site.issuer}/.well-known/openid-configuration`),
    introspection: async () => (await app.introspect(token)).json['active'] === true,
    liveness: get(`${site.origin}/health/live`),
  }
  let stopped = false

  async function askOn(name: string, question: () => Promise<boolean>): Promise<void> {
    while (!stopped) {
      const started = performance.now()
      const good = await question().catch(() => false)
      took.push(performance.now() - started)
      sent[name] = (sent[name] ?? 0) + 1
      if (!good) failed[name] = (failed[name] ?? 0) + 1
      await delay(EVERY)
    }
  }
  const asked = Promise.all(Object.entries(questions).map(([name, question]) => askOn(name, question)))
  const stop = async (): Promise<void> => {
    stopped = true
    await asked
  }
  run.defer(stop)
  return { sent, failed, took, stop }
}

export const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)
