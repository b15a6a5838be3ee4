import type { ApiCatalogue } from '../../domain/access/resource-indicators.ts'
import type { ResponseType } from '../../domain/apps/app-choices.ts'
import { refuseRepeated } from '../../domain/protocol/form.ts'
import type { Refused } from '../../domain/refusals/errors.ts'
import { type RunCheck, runPlainly } from '../../domain/refusals/run-check.ts'
import { readClaimedSubject, readClaims } from './checks/claims.ts'
import { type ReadIdTokenHint, readSubjectHint } from './checks/id-token-hint.ts'
import { readMaxAge } from './checks/max-age.ts'
import { readNonce } from './checks/nonce.ts'
import { readCodeChallenge } from './checks/pkce.ts'
import { readPrompt } from './checks/prompt.ts'
import { readRequestedResources } from './checks/resource.ts'
import { readResponseMode } from './checks/response-mode.ts'
import { readResponseType } from './checks/response-type.ts'
import { readRequestedScope } from './checks/scope.ts'
import type { EffectiveRequest } from './request/effective-request.ts'
import type { AuthorizationRequest, Redirectable } from './request/request.ts'

/** What the server has for requests, beside the request itself. */
interface Offered {
  readonly readHint: ReadIdTokenHint
  readonly catalogue: ApiCatalogue
  readonly responseTypes: readonly ResponseType[]
}

interface Asked extends Redirectable, Offered, EffectiveRequest {}

function requireSoundObject(fault: Refused | undefined): void {
  if (fault) throw fault
}

interface Check<T> {
  /** What `tessera explain` calls it. */
  readonly name: string
  /** @throws Refused to be redirected */
  readonly read: (asked: Asked) => T | Promise<T>
}

const responseTypeOf = ({ form, app, responseTypes }: Asked): ResponseType => readResponseType(form, app, responseTypes)
const scopeOf = (asked: Asked) => readRequestedScope(asked.form, asked.app, responseTypeOf(asked), asked.catalogue)

/** What makes all the rest meaningless. */
const FIRST: readonly Check<unknown>[] = [
  { name: 'parameters once each', read: ({ form }) => void refuseRepeated(form) },
  { name: 'request object', read: ({ fault }) => requireSoundObject(fault) },
]

type Read = Exclude<
  keyof AuthorizationRequest,
  'app' | 'redirectUri' | 'namesRedirect' | 'state' | 'ignoredScope' | 'isScopeDefault'
>

/** Each reads one part of the request; those that depend on the response type come after it. */
const READERS: { readonly [K in Read]: Check<AuthorizationRequest[K]> } = {
  responseType: { name: 'response_type', read: responseTypeOf },
  responseMode: { name: 'response_mode', read: (asked) => readResponseMode(asked.form, responseTypeOf(asked)) },
  scope: { name: 'scope', read: (asked) => scopeOf(asked).scope },
  resources: {
    name: 'resource',
    read: (asked) => readRequestedResources(asked.form, scopeOf(asked).scope, asked.app, asked.catalogue),
  },
  codeChallenge: { name: 'PKCE', read: (asked) => readCodeChallenge(asked.form, asked.app, responseTypeOf(asked)) },
  nonce: { name: 'nonce', read: (asked) => readNonce(asked.form, responseTypeOf(asked)) },
  prompt: { name: 'prompt', read: ({ form }) => readPrompt(form) },
  maxAge: { name: 'max_age', read: ({ form, app }) => readMaxAge(form, app) },
  loginHint: { name: 'login_hint', read: ({ form }) => form.get('login_hint') },
  claims: { name: 'claims', read: ({ form }) => readClaims(form) },
  subjectHint: {
    name: 'id_token_hint',
    read: async ({ form, readHint }) => (await readSubjectHint(form, readHint)) ?? readClaimedSubject(form),
  },
}

/** The names of the checks, in the order they are made. */
export const REQUEST_CHECKS: readonly string[] = [...FIRST, ...Object.values(READERS)].map(({ name }) => name)

/**
 * Checks the parameters of an authorization request from top to bottom; the first that fails is told to the app by redirect.
 * @throws Refused to be redirected
 */
export async function validate(
  request: EffectiveRequest,
  redirectable: Redirectable,
  offered: Offered,
  runCheck: RunCheck = runPlainly,
): Promise<AuthorizationRequest> {
  const asked: Asked = { ...redirectable, ...offered, ...request }
  for (const { name, read } of FIRST) await runCheck(name, () => read(asked))
  const parts: Partial<Record<keyof AuthorizationRequest, unknown>> = {}
  for (const [part, { name, read }] of Object.entries(READERS) as [Read, Check<unknown>][])
    parts[part] = await runCheck(name, () => read(asked))
  // The type of READERS says that no part is missing, and of which type each is.
  return { ...redirectable, ...scopeOf(asked), ...parts } as AuthorizationRequest
}
