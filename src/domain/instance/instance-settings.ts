import { DAY, HOUR, MINUTE } from '../../lib/time/clock.ts'
import { readDuration } from '../../lib/time/duration.ts'
import { LONGEST_IDLE, LONGEST_SERVICE_SESSION } from '../sessions/api-session.ts'

interface InstanceSetting {
  readonly default: string
  readonly help: string
  /** Completes the sentence "NAME expects ...". */
  readonly expects: string
  /** The meaning of a text; `undefined` when it cannot be read. */
  readonly read: (text: string) => number | undefined
}

const period =
  (shortest: number, longest = Number.POSITIVE_INFINITY) =>
  (text: string) => {
    const milliseconds = readDuration(text)
    return milliseconds !== undefined && milliseconds >= shortest && milliseconds <= longest ? milliseconds : undefined
  }

const count = (least: number, most: number) => (text: string) => {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : -1
  return number >= least && number <= most ? number : undefined
}

/** What an administrator may change while the server runs; kept in the database, the same for every node. */
export const INSTANCE_SETTINGS = {
  AuditRetention: {
    default: '400d',
    help: 'how long the audit log is kept',
    expects: 'a length of time, at least one day, such as 400d',
    read: period(DAY),
  },
  RefusalRetention: {
    default: '30d',
    help: 'how long refusals are kept',
    expects: 'a length of time, at least one hour, such as 30d',
    read: period(HOUR),
  },
  RefusalLimit: {
    default: '10000',
    help: 'how many refusals are kept at most',
    expects: 'a whole number from 100 to 1000000',
    read: count(100, 1_000_000),
  },
  ReferenceTokenMaxLifetime: {
    default: '365d',
    help: 'how long a new reference token may be valid at most',
    expects: 'a length of time from 1h to 3650d, such as 365d',
    read: period(HOUR, 3650 * DAY),
  },
  ApiSessionIdle: {
    default: '20m',
    help: 'how long an API session lasts without use',
    expects: 'a length of time from 1m to 12h, such as 20m',
    read: period(MINUTE, LONGEST_IDLE),
  },
  ServiceSessionLength: {
    default: '1h',
    help: 'how long an API session of a service lasts at most, however much it is used',
    expects: 'a length of time from 1m to 24h, such as 1h',
    read: period(MINUTE, LONGEST_SERVICE_SESSION),
  },
} as const satisfies Record<string, InstanceSetting>

export type InstanceSettingName = keyof typeof INSTANCE_SETTINGS
export const INSTANCE_SETTING_NAMES = Object.keys(INSTANCE_SETTINGS) as InstanceSettingName[]

/** Under which name the time that the instance has reached is kept, milliseconds since 1970. */
export const TIME_REACHED = 'time-reached'

/** Under which name it is kept which times were told although they never were, as JSON `{ from, until }`. */
export const WRONG_TIME = 'wrong-time'

/** Under which name the database keeps it, apart from what the server notes for itself. */
export const storedName = (name: InstanceSettingName): string => `instance/${name}`

/** The meaning of what is stored, or of the default: milliseconds for a length of time. */
export function valueOfSetting(name: InstanceSettingName, stored: string | undefined): number {
  const { read, default: fallback } = INSTANCE_SETTINGS[name]
  return (stored === undefined ? undefined : read(stored)) ?? read(fallback) ?? 0
}
