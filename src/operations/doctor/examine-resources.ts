import type { ApiResource } from '../../domain/access/api-resource.ts'
import { isSameIdentifier } from '../../domain/access/resource-identifier.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { type Finding, warning } from './finding.ts'

/** APIs of which a request cannot tell one from the other; they were registered before that was refused. */
export const examineResources = (resources: readonly ApiResource[]): Finding[] =>
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
