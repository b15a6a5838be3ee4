import type { AppRegistration } from '../../domain/apps/trusted-application.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import type { RunCheck } from '../../domain/refusals/run-check.ts'
import type { AuthorizationRequest } from '../../oauth/authorize/request/request.ts'

/** How one check went; `null` was not made. */
export interface CheckNote {
  readonly name: string
  readonly passed: boolean | null
  readonly detail: string
}

/** How a request would fare. */
export interface Trial<T> {
  readonly checks: readonly CheckNote[]
  /** What the checks proved; absent where one failed. */
  readonly proved?: T
  readonly refusal?: Refused
}

/** Takes notes of the checks as they are made. */
export interface NoteTaking {
  readonly runCheck: RunCheck
  /** Notes a check that cannot be made, or needs no checking. */
  note(name: string, passed: boolean | null, detail: string): void
}

/**
 * Makes a row of checks on trial and notes how each went; the first that fails ends it, as it would at the server.
 * @param plan the names of all the checks, in their order
 */
export async function tryChecks<T>(plan: readonly string[], row: (notes: NoteTaking) => Promise<T>): Promise<Trial<T>> {
  const notes = new Map<string, CheckNote>()
  const note = (name: string, passed: boolean | null, detail: string): void => {
    notes.set(name, { name, passed, detail })
  }
  const runCheck: RunCheck = async (name, check) => {
    try {
      const proved = await check()
      if (!notes.has(name)) note(name, true, described(proved))
      return proved
    } catch (error) {
      if (error instanceof Refused) note(name, false, `${error.code}: ${error.detail['cause'] ?? error.description}`)
      throw error
    }
  }
  const all = (unmade: string): CheckNote[] => [
    ...plan.map((name) => notes.get(name) ?? { name, passed: null, detail: unmade }),
    ...[...notes.values()].filter(({ name }) => !plan.includes(name)),
  ]
  try {
    const proved = await row({ runCheck, note })
    return { proved, checks: all('can only be checked with the real request') }
  } catch (error) {
    if (error instanceof Refused) return { refusal: error, checks: all('not reached') }
    throw error
  }
}

/** Says of an app whose access tokens nobody can read where the claims of the preview are to be found. */
export function noteFormat({ accessTokenFormat }: AppRegistration, { note }: NoteTaking): void {
  if (accessTokenFormat === 'reference')
    note('AccessTokenFormat', true, 'the access token is opaque: introspection answers with these claims')
}

/** Says what was granted of a scope, and what became of the rest. */
export function noteScope(
  { scope, ignoredScope, isScopeDefault }: Pick<AuthorizationRequest, 'scope' | 'ignoredScope' | 'isScopeDefault'>,
  { note }: NoteTaking,
): void {
  const because = [
    ...(isScopeDefault ? ['none was sent, so these are the API scopes of the record'] : []),
    ...(ignoredScope.length > 0 ? [`ignored, as nobody here knows them: ${ignoredScope.join(' ')}`] : []),
  ]
  note('scope', true, [scope.join(' '), ...because].join('; '))
}

/** What a check proved, in few words. */
function described(value: unknown): string {
  if (value === undefined || value === null) return 'ok'
  if (value instanceof Set) return [...value].join(' ') || 'not sent'
  if (Array.isArray(value)) return value.join(' ')
  if (typeof value !== 'object') return String(value)
  if ('applicationUri' in value) return `${value.applicationUri}, enabled`
  if ('login' in value) return String(value.login)
  return 'ok'
}
