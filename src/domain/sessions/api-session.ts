import { HOUR, isoTime } from '../../lib/time/clock.ts'
import type { GrantEpochs } from '../access/grant-status.ts'
import { readSeat, type Seat } from './seat.ts'

/** A session of a person ends when it is not used, one of a service also some time after it was opened. */
export type ApiSessionKind = 'user' | 'service'

/** Calls of APIs for one seat, from the first one on; occupies a licence slot while it lives. */
export interface ApiSession extends Pick<GrantEpochs, 'userEpoch'> {
  readonly id: string
  readonly kind: ApiSessionKind
  readonly seat: Seat
  /** The id of whom the calls are made for. */
  readonly userId: string
  /** Milliseconds since 1970, as every time here. */
  readonly openedAt: number
  readonly lastSeenAt: number
}

/** An app that calls within a session, and under which epochs it does; the session lives while one of its apps may call. */
export interface ApiSessionApp extends Pick<GrantEpochs, 'appEpoch' | 'sessionEpoch'> {
  readonly applicationUri: string
}

/** How long sessions live, and how many there may be; the same for every node. */
export interface ApiSessionRules {
  /** Milliseconds without any use. */
  readonly idle: number
  /** Milliseconds after which a session of a service is over, however much it is used. */
  readonly serviceLength: number
  /** How many may live at once; `undefined` for any number. */
  readonly slots: number | undefined
}

/** The longest that a session may be left alone, whatever is set. */
export const LONGEST_IDLE = 12 * HOUR
/** The longest that a session of a service may last. */
export const LONGEST_SERVICE_SESSION = 24 * HOUR

/** Under which name the database keeps the number of licence slots. */
export const LICENCE_SLOTS = 'licence-slots'
export const MOST_SLOTS = 999_999_999

/** Reads a number of slots as it is kept, or as an administrator writes it; `unlimited` is `undefined`. @returns `'unreadable'` for anything else */
export function readSlots(text: string): number | undefined | 'unreadable' {
  if (text === 'unlimited') return undefined
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 'unreadable'
}

/** When a session is over if nobody uses it any more. */
export function endOf(
  { kind, openedAt, lastSeenAt }: Pick<ApiSession, 'kind' | 'openedAt' | 'lastSeenAt'>,
  { idle, serviceLength }: ApiSessionRules,
): number {
  const unused = lastSeenAt + idle
  return kind === 'service' ? Math.min(unused, openedAt + serviceLength) : unused
}

/**
 * A session as commands and the administration API show it.
 * @param login of whom the calls are made for
 * @param apps that call within it, the first one first
 */
export function showApiSession(
  session: ApiSession,
  login: string | undefined,
  apps: readonly string[],
  rules: ApiSessionRules,
) {
  const { sid, token } = readSeat(session.seat)
  return {
    id: session.id,
    kind: session.kind,
    user: login ?? session.userId,
    app: apps[0] ?? '',
    apps,
    sid: sid ?? null,
    token: token ?? null,
    openedAt: isoTime(session.openedAt),
    lastUsedAt: isoTime(session.lastSeenAt),
    endsAt: isoTime(endOf(session, rules)),
  }
}
