import { ACR_VALUES } from '../../../domain/protocol/acr.ts'
import type { Form } from '../../../domain/protocol/form.ts'
import { type RequestedClaims, USER_CLAIMS } from '../../../domain/protocol/requested-claims.ts'
import { Refused } from '../../../domain/refusals/errors.ts'
import { parseForeignJson } from '../../../lib/text/bounded-json.ts'

type Members = Readonly<Record<string, unknown>>

const refuse = (cause: string): Refused =>
  new Refused('invalid_request', 'claims is not a JSON object as described in OpenID Connect Core 5.5', {
    rule: 'claims-malformed',
    cause,
  })

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads the claims an app asks for by name; what is not known here is ignored.
 * @throws Refused `invalid_request` for anything but JSON of the right form, `access_denied` for an essential `acr` that cannot be met
 * @see OIDC Core §5.5
 */
export function readClaims(form: Form): RequestedClaims {
  const { userinfo, idToken } = askedIn(form)
  requireReachableAcr(idToken['acr'])
  return { userinfo: known(userinfo), idToken: known(idToken) }
}

/** The `sub` somebody must sign in as, where the app names one. @see OIDC Core §5.5.1 */
export function readClaimedSubject(form: Form): string | undefined {
  const { userinfo, idToken } = askedIn(form)
  const subjects = [idToken['sub'], userinfo['sub']].filter(isObject).map(({ value }) => value)
  return subjects.find((value) => typeof value === 'string')
}

function askedIn(form: Form): { readonly userinfo: Members; readonly idToken: Members } {
  const sent = form.get('claims')
  const asked = sent === undefined ? {} : parse(sent)
  return { userinfo: membersOf(asked, 'userinfo'), idToken: membersOf(asked, 'id_token') }
}

function parse(sent: string): Members {
  try {
    const value = parseForeignJson(sent)
    if (isObject(value)) return value
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw refuse('claims is not a JSON object')
}

/** Each claim is `null`, or an object that says more about it. @see OIDC Core §5.5.1 */
function membersOf(asked: Members, place: 'userinfo' | 'id_token'): Members {
  const members = Object.hasOwn(asked, place) ? asked[place] : {}
  if (members === null) return {}
  if (!isObject(members)) throw refuse(`the member ${place} is not an object`)
  if (!Object.values(members).every((member) => member === null || isObject(member)))
    throw refuse(`a member of ${place} is neither null nor an object`)
  for (const [name, member] of Object.entries(members)) requireSoundMember(place, name, member)
  return members
}

/** Claims whose values are texts, and are compared here. */
const TEXTS: readonly string[] = ['acr', 'sub']

/** @see OIDC Core §5.5.1 */
function requireSoundMember(place: string, name: string, member: unknown): void {
  if (!isObject(member)) return
  const { essential, value, values } = member
  const about = TEXTS.includes(name) ? name : 'a claim'
  if (essential !== undefined && typeof essential !== 'boolean')
    throw refuse(`essential of ${about} in ${place} is neither true nor false`)
  if (values !== undefined && !Array.isArray(values)) throw refuse(`values of ${about} in ${place} is not a list`)
  if (TEXTS.includes(name) && ![value ?? '', ...(values ?? [])].every((one) => typeof one === 'string'))
    throw refuse(`a value of ${about} in ${place} is not a text`)
}

const known = (members: Members): string[] => USER_CLAIMS.filter((name) => Object.hasOwn(members, name))

/** @see OIDC Core §5.5.1.1 */
function requireReachableAcr(acr: unknown): void {
  if (!isObject(acr) || acr['essential'] !== true) return
  const wanted = [acr['values'] ?? acr['value'] ?? []].flat()
  if (wanted.length === 0 || wanted.includes(ACR_VALUES[0])) return
  throw new Refused('access_denied', 'no sign-in method reaches the acr that the app requires as essential', {
    rule: 'acr-out-of-reach',
    cause: 'claims asks for an essential acr that no sign-in method reaches',
    sent: wanted.join(' ').slice(0, 200),
    expected: ACR_VALUES[0],
  })
}
