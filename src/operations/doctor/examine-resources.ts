import type { ApiResource } from '../../domain/access/api-resource.ts'
import { isSameIdentifier } from '../../domain/access/resource-identifier.ts'
import { addressOf } from '../../domain/access/resource-site.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { type Finding, fault, fine, warning } from './finding.ts'

/**
 * What is wrong with API resources and with what apps may have of them that register themselves.
 * @param unusable what of TESSERA_REGISTRATION_SCOPES cannot work
 */
export const examineResources = (resources: readonly ApiResource[], unusable: readonly string[]): Finding[] => [
  ...sameApis(resources),
  ...unlisted(resources),
  ...unusable.map((found) =>
    fault('registration', `TESSERA_REGISTRATION_SCOPES ${found}`, 'the server does not start again before that'),
  ),
]

// More names than that say nothing more.
const NAMED = 5

/** APIs whose addresses nobody has said: programs that look for them do not find them, which may be as it should be. */
function unlisted(resources: readonly ApiResource[]): Finding[] {
  const hidden = resources.filter((resource) => addressOf(resource) === undefined).map(({ identifier }) => identifier)
  const [first] = hidden
  if (first === undefined) return []
  const named = [...hidden.slice(0, NAMED), ...(hidden.length > NAMED ? [`${hidden.length - NAMED} more`] : [])].join(
    ', ',
  )
  const command = `tessera resource update ${shellWord(first)} --site-url URL`
  return [
    fine(
      'auto-discovery',
      `does not list ${named}: no SiteUrl says where ${hidden.length === 1 ? 'it is' : 'they are'} (${command})`,
    ),
  ]
}

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
