import type { Core } from '../../compose/core.ts'
import { createServices, type Services } from '../../compose/services.ts'
import type { Config } from '../../config/read-config.ts'
import { createPasswords } from '../../lib/crypto/passwords.ts'
import { systemRandom } from '../../lib/crypto/secrets.ts'

/** The parts of the server whose checks are explained. */
export type ServerParts = Pick<Services, 'grants' | 'flow' | 'readCatalogue'>

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** Puts the server's parts together as the server does; where nobody else is served, nobody waits for a turn. */
export const serverPartsOf = (config: Config, core: Core): ServerParts =>
  createServices(config, core, {
    random: systemRandom,
    log: SILENT,
    whileOutside: (_source, work) => work(),
    passwords: createPasswords(),
  })
