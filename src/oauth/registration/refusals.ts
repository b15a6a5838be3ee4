import { isInvalidChange } from '../../admin/change/refuse-change.ts'
import { type Fault, Refused } from '../../domain/refusals/errors.ts'
import { type MetadataComplaint, memberOf } from './client-metadata.ts'

const LONGEST = 300
const MOST = 10

/** What is wrong with client metadata, all of it at once. @see RFC 7591 §3.2.2 */
export function metadataRefused(complaints: readonly MetadataComplaint[], client?: string): Refused {
  const described = complaints.slice(0, MOST).map(({ name, reason }) => `${name}: ${reason.slice(0, LONGEST)}`)
  const code = CODES.find(({ name }) => complaints.some((one) => one.name === name))?.code ?? 'invalid_client_metadata'
  return new Refused(code, described.join('; '), {
    rule: code === 'invalid_redirect_uri' ? 'registration-redirect-uri' : 'registration-metadata',
    client_id: client,
    cause: described.join('; '),
  })
}

/** Members with a code of their own; of several that are at fault the first decides. @see RFC 7591 §3.2.2 */
const CODES = [
  { name: 'redirect_uris', code: 'invalid_redirect_uri' },
  { name: 'software_statement', code: 'invalid_software_statement' },
] as const

/** Faults that may be nothing but the consequence of others are told once those are mended. */
const FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  redirect_uris: ['token_endpoint_auth_method'],
  post_logout_redirect_uris: ['token_endpoint_auth_method'],
  token_endpoint_auth_signing_alg: ['token_endpoint_auth_method'],
  token_endpoint_auth_method: ['jwks', 'jwks_uri'],
  require_signed_request_object: ['jwks', 'jwks_uri'],
  frontchannel_logout_uri: ['redirect_uris'],
  sector_identifier_uri: ['redirect_uris'],
}

/** What the rules of the record find beside what was found already. */
export function furtherComplaints(faults: readonly Fault[], found: readonly MetadataComplaint[]): MetadataComplaint[] {
  const unread = found.filter(({ isUnread }) => isUnread).map(({ name }) => name)
  const about = ({ name, reason }: MetadataComplaint): string => `${name} ${reason.split(' ')[0]}`
  return faults
    .map(({ attribute, reason }): MetadataComplaint => ({ name: memberOf(attribute), reason }))
    .filter(({ name }) => ![name, ...(FOLLOWS[name] ?? [])].some((one) => unread.includes(one)))
    .filter((complaint) => !found.some((one) => about(one) === about(complaint)))
}

/** Says what the rules of the record refuse in the words of client metadata. */
export async function inMetadataWords<T>(work: () => Promise<T>, client?: string): Promise<T> {
  return work().catch((error: unknown) => {
    if (!isInvalidChange(error)) throw error
    throw metadataRefused(
      error.faults.map(({ attribute, reason }) => ({ name: memberOf(attribute), reason })),
      client,
    )
  })
}

export const initialTokenMissing = (): Refused =>
  new Refused('invalid_token', 'registering an app requires an initial access token', {
    rule: 'initial-token-missing',
    cause: 'TESSERA_REGISTRATION is token, and no Authorization: Bearer header came with the request',
  })

export const initialTokenBad = (): Refused =>
  new Refused('invalid_token', 'the initial access token is unknown, expired or used up', {
    rule: 'initial-token-bad',
    cause: 'no valid initial access token has this value: it was revoked, has expired, is used up, or never existed',
  })

/** Of an app that is not there, was disabled or has another token the caller learns nothing. @see RFC 7592 §2 */
export const registrationTokenBad = (client: string, cause: string): Refused =>
  new Refused('invalid_token', 'the registration access token is not valid for this client', {
    rule: 'registration-token-bad',
    client_id: client.slice(0, 128),
    cause,
  })

/** @param hourly how many there may be within an hour */
export const tooOften = (hourly: number): Refused =>
  new Refused(
    'temporarily_unavailable',
    'too many apps were registered from your network; try again later',
    { rule: 'registration-too-often', cause: `this network has registered ${hourly} apps within the last hour` },
    { status: 429, retryAfter: 600 },
  )

/** @param hourly how many failed registrations there may be within an hour for which something was fetched */
export const fetchedTooOften = (hourly: number, retryAfter: number): Refused =>
  new Refused(
    'temporarily_unavailable',
    'too many registrations with a sector_identifier_uri have failed; try again later',
    {
      rule: 'registration-fetched-too-often',
      cause: `within the last hour a sector_identifier_uri was fetched for ${hourly} registrations that then failed`,
    },
    { status: 429, retryAfter },
  )

/** @param most how many changes there may be within an hour */
export const changedTooOften = (by: 'app' | 'network', most: number, retryAfter: number): Refused =>
  new Refused(
    'temporarily_unavailable',
    by === 'app'
      ? 'this registration was changed too often; try again later'
      : 'too many registrations were changed from your network; try again later',
    {
      rule: 'registration-changed-too-often',
      cause: `${by === 'app' ? 'the app' : 'this network'} has changed or removed registrations ${most} times within the last hour`,
    },
    { status: 429, retryAfter },
  )

/** @param most how many there may be at all */
export const full = (most: number): Refused =>
  new Refused(
    'temporarily_unavailable',
    'no more apps can register themselves here',
    { rule: 'registrations-full', cause: `${most} apps have registered themselves, the maximum` },
    { retryAfter: 3600 },
  )
