import { ConfigurationFaults } from '../config/configuration-faults.ts'
import type { Config } from '../config/read-config.ts'
import { type GivenAway, whyNotToGive } from '../domain/access/self-registered-access.ts'
import type { Core } from './core.ts'

type Settings = Pick<Config, 'registration' | 'tokens'>

/** What the settings give away to apps that register themselves. */
export const givenAway = ({ registration: { mode, scopes }, tokens: { audience } }: Settings): GivenAway => ({
  scopes: mode === 'off' ? [] : scopes,
  defaultResource: audience,
})

/** What of TESSERA_REGISTRATION_SCOPES cannot work; each completes the sentence "TESSERA_REGISTRATION_SCOPES ...". */
export async function unusableScopes(settings: Settings, { store }: Pick<Core, 'store'>): Promise<string[]> {
  const { scopes, defaultResource } = givenAway(settings)
  return whyNotToGive(scopes, { defaultResource, resources: await store.read.resources.list() })
}

/** Apps would be refused what the operator meant them to have, and nobody would be told why. @throws ConfigurationFaults */
export async function requireScopesToGive(settings: Settings, core: Pick<Core, 'store'>): Promise<void> {
  const faults = await unusableScopes(settings, core)
  if (faults.length > 0) throw new ConfigurationFaults(faults.map((fault) => `TESSERA_REGISTRATION_SCOPES ${fault}`))
}
