import { isInvalidChange } from '../../admin/change/refuse-change.ts'
import { Refused } from '../../domain/refusals/errors.ts'
import { type MetadataComplaint, memberOf } from './client-metadata.ts'

const LONGEST = 300
const MOST = 10

/** What is wrong with client metadata, all of it at once. @see RFC 7591 §3.2.2 */
export function metadataRefused(complaints: readonly MetadataComplaint[], client?: string): Refused {
  const described = complaints.slice(0, MOST).map(({ name, reason }) => `${name}: ${reason.slice(0, LONGEST)}`)
  const isRedirect = complaints.some(({ name }) => name === 'redirect_uris')
  return new Refused(isRedirect ? 'invalid_redirect_uri' : 'invalid_client_metadata', described.join('; '), {
    rule: isRedirect ? 'registration-redirect-uri' : 'registration-metadata',
    client_id: client,
    cause: described.join('; '),
  })
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
