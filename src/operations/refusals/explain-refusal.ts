import { isSameIdentifier } from '../../domain/access/resource-identifier.ts'
import { PROTOCOL_SCOPES } from '../../domain/protocol/scope.ts'
import type { OperatorDetail } from '../../domain/refusals/errors.ts'
import type { Refusal } from '../../domain/refusals/refusal.ts'
import type { RefusalRule } from '../../domain/refusals/refusal-rule.ts'
import { markDifference, nearestOf } from '../../lib/text/difference.ts'
import { shellWord } from '../../lib/text/shell.ts'
import type { Facts, Registered, Remedy } from './remedies/remedy.ts'
import { REMEDIES } from './remedies.ts'

/** A refusal as it is explained to the operator: what was wrong, and what mends it. */
export interface Explanation {
  readonly id: string
  readonly endpoint: string
  readonly error: string
  readonly cause: string
  readonly sent: string | null
  /** What would have been right; several values with ", " between. */
  readonly expected: string | null
  /** The registered value most like the one sent, its differences marked as `markDifference` does. */
  readonly nearest: string | null
  /** A command that starts with `tessera`, or a sentence. */
  readonly fix: string
  /** Another way to mend it. */
  readonly otherwise: string | null
  /** The same one by one, where any of several would have been right; else empty. */
  readonly expectedOneOf: readonly string[]
  /** The registered value itself. */
  readonly nearestValue: string | null
  readonly rule: RefusalRule | null
}

interface Choice {
  readonly among: (registered: Registered, detail: OperatorDetail) => readonly string[]
  /** The share of the longer value that may differ. */
  readonly furthest: number
  /** What is compared, where it is not all that was sent. */
  readonly compared?: string
}

const listed = ({ expected }: OperatorDetail): readonly string[] =>
  Array.isArray(expected) ? expected : typeof expected === 'string' ? [expected] : []

/** None for a list that is separated in another way: each of its names may be right. */
const scopesOf = (registered: Registered, { scope }: OperatorDetail): string[] =>
  /[,;+|]/.test(String(scope)) ? [] : [...PROTOCOL_SCOPES, ...(registered.app?.scope ?? [])]

/** None where the API itself is registered, and only the record lacks it. */
function resourcesOf({ resources }: Registered, { sent }: OperatorDetail): string[] {
  const known = resources.map(({ identifier }) => identifier)
  return known.some((identifier) => isSameIdentifier(identifier, String(sent))) ? [] : known
}

/** Whose redirect URI was sent says more than a name that looks alike. */
const appsMeant = ({ apps, appsAt }: Registered): readonly string[] => (appsAt.length > 0 ? appsAt : apps)

/** Where a value was looked for among others, and how alike two must be for one to be meant by the other. */
const CHOICES: Readonly<Partial<Record<RefusalRule, Choice>>> = {
  'app-unknown': { among: appsMeant, furthest: 0.34 },
  'redirect-uri-unregistered': { among: ({ app }) => app?.impersonateLoginUrl ?? [], furthest: 0.6 },
  'logout-uri-unregistered': { among: ({ app }) => app?.impersonateLogoutUrl ?? [], furthest: 0.6 },
  'redirect-uri-differs': { among: (_registered, detail) => listed(detail), furthest: 1 },
  'resource-not-allowed': { among: resourcesOf, furthest: 0.2 },
  'scope-unregistered': { among: scopesOf, furthest: 0.5, compared: 'scope' },
  'grant-type-unsupported': { among: (_registered, detail) => listed(detail), furthest: 0.5 },
  'response-mode-unsupported': { among: (_registered, detail) => listed(detail), furthest: 0.5 },
  'person-unknown': { among: ({ logins }) => logins, furthest: 0.34 },
  'prompt-unknown': { among: (_registered, detail) => listed(detail), furthest: 0.5 },
}

/**
 * Explains a refusal by what is registered now.
 * @param registered may have changed since the refusal, for which the remedy makes up
 */
export function explainRefusal(
  refusal: Pick<Refusal, 'id' | 'endpoint' | 'error' | 'description' | 'parameters' | 'detail' | 'app'>,
  registered: Registered,
): Explanation {
  const { id, endpoint, error, description, parameters, detail, app } = refusal
  const sent = detail['sent'] === undefined ? undefined : String(detail['sent'])
  const choice = detail.rule && CHOICES[detail.rule]
  const compared = choice?.compared === undefined ? sent : String(detail[choice.compared] ?? '')
  const nearest =
    choice && compared !== undefined
      ? nearestOf(compared, choice.among(registered, detail), choice.furthest)
      : undefined
  const facts: Facts = { refusal, registered, uri: shellWord(app ?? 'APPLICATION-URI'), sent: sent ?? '', nearest }
  const remedy: Remedy = detail.rule
    ? REMEDIES[detail.rule](facts)
    : { fix: 'look up the refusal id in the log of the server' }
  const expected = detail['expected'] === undefined ? [remedy.expected ?? ''] : listed(detail)
  return {
    id,
    endpoint,
    error,
    cause: typeof detail['cause'] === 'string' ? detail['cause'] : description,
    sent: sent ?? parametersAsText(parameters),
    expected: expected.join(', ') || null,
    nearest: nearest === undefined || compared === undefined ? null : markDifference(compared, nearest),
    fix: remedy.fix,
    otherwise: remedy.otherwise ?? null,
    expectedOneOf: expected.length > 1 ? expected : [],
    nearestValue: nearest ?? null,
    rule: detail.rule ?? null,
  }
}

function parametersAsText(parameters: Refusal['parameters']): string | null {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${value}`)
  return pairs.length === 0 ? null : pairs.join(', ')
}
