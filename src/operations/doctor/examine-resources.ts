import type { ApiResource } from '../../domain/access/api-resource.ts'
import { isSameIdentifier } from '../../domain/access/resource-identifier.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { type Finding, fault, warning } from './finding.ts'

/**
 * What is wrong with API resources and with what apps may have of them that register themselves.
 * @param unusable what of TESSERA_REGISTRATION_SCOPES cannot work
 */
export const examineResources = (resources: readonly ApiResource[], unusable: readonly string[]): Finding[] => [
  ...sameApis(resources),
  ...unusable.map((found) =>
    fault('registration', `TESSERA_REGISTRATION_SCOPES ${found}`, 'the server does not start again before that'),
  ),
]

/** APIs of which a request cannot tell one from the other; they were registered before that was refused. */
const sameApis = (resources: readonly ApiResource[]): Finding[] =>
  resources.flatMap(({ identifier }, index) =>
    resources
      .slice(index + 1)
      .filter((other) => isSameIdentifier(identifier, other.identifier))
      .map((other) =>
        warning(
          `resource ${other.identifier}`,
          `its identifier names the same API as ${identifier}`,
          `let apps and the API use one of the two; see what uses the other: tessera resource show ${shellWord(other.identifier)}`,
        ),
      ),
  )
