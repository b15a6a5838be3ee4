import { DAY, HOUR, MINUTE } from '../../lib/time/clock.ts'
import { LICENCE_SLOTS, LONGEST_IDLE, LONGEST_SERVICE_SESSION, MOST_SLOTS, readSlots } from '../sessions/api-session.ts'
import { brandColourByDay, brandColourByNight, footerLinks, logo, wall } from './branding.ts'
import { lengthOfTime, type SettingKind, wholeNumber } from './setting-kinds.ts'

interface InstanceSetting<T> extends SettingKind<T> {
  /** As an administrator would write it. */
  readonly default: string
  readonly help: string
  /** Under which name the database keeps it. */
  readonly stored: string
}

const setting = <T>(name: string, kind: SettingKind<T>, fallback: string, help: string): InstanceSetting<T> => ({
  ...kind,
  default: fallback,
  help,
  // Apart from what the server notes for itself.
  stored: `instance/${name}`,
})

const slots: SettingKind<number | 'unlimited'> = {
  expects: `a whole number from 1 to ${MOST_SLOTS}, or unlimited`,
  read: (text) => {
    const read = readSlots(text)
    return read === 'unreadable' ? undefined : (read ?? 'unlimited')
  },
}

/** What an administrator may change while the server runs; kept in the database, the same for every node. */
export const INSTANCE_SETTINGS = {
  AuditRetention: setting('AuditRetention', lengthOfTime(DAY, '400d'), '400d', 'how long the audit log is kept'),
  RefusalRetention: setting('RefusalRetention', lengthOfTime(HOUR, '30d'), '30d', 'how long refusals are kept'),
  RefusalLimit: setting('RefusalLimit', wholeNumber(100, 1_000_000), '10000', 'how many refusals are kept at most'),
  ReferenceTokenMaxLifetime: setting(
    'ReferenceTokenMaxLifetime',
    lengthOfTime(HOUR, '365d', 3650 * DAY),
    '365d',
    'how long a new reference token may be valid at most',
  ),
  ApiSessionIdle: setting(
    'ApiSessionIdle',
    lengthOfTime(MINUTE, '20m', LONGEST_IDLE),
    '20m',
    'how long an API session lasts without use',
  ),
  ServiceSessionLength: setting(
    'ServiceSessionLength',
    lengthOfTime(MINUTE, '1h', LONGEST_SERVICE_SESSION),
    '1h',
    'how long an API session of a service lasts at most, however much it is used',
  ),
  LicenceSlots: {
    ...setting('LicenceSlots', slots, 'unlimited', 'how many API sessions may be open at once'),
    stored: LICENCE_SLOTS,
  },
  BrandColor: setting('BrandColor', brandColourByDay, 'standard', 'colour of buttons and links on the pages'),
  BrandColorDark: setting(
    'BrandColorDark',
    brandColourByNight,
    'standard',
    'the same where people prefer dark pages; standard follows BrandColor',
  ),
  PageWall: setting('PageWall', wall, 'standard', 'background beside the pages, on a phone above them'),
  PageLogo: setting('PageLogo', logo, 'standard', 'logo at the top of the pages'),
  FooterLinks: setting('FooterLinks', footerLinks, 'none', 'links at the foot of the pages'),
} as const satisfies Record<string, InstanceSetting<unknown>>

export type InstanceSettingName = keyof typeof INSTANCE_SETTINGS
export const INSTANCE_SETTING_NAMES = Object.keys(INSTANCE_SETTINGS) as InstanceSettingName[]

/** What a setting means: milliseconds for a length of time. */
export type InstanceSettingValue<Name extends InstanceSettingName> = NonNullable<
  ReturnType<(typeof INSTANCE_SETTINGS)[Name]['read']>
>

/** Under which name the time that the instance has reached is kept, milliseconds since 1970. */
export const TIME_REACHED = 'time-reached'

/** Under which name it is kept which times were told although they never were, as JSON `{ from, until }`. */
export const WRONG_TIME = 'wrong-time'

export const isInstanceSetting = (name: string): name is InstanceSettingName => Object.hasOwn(INSTANCE_SETTINGS, name)

/** Under which name the database keeps it. */
export const storedName = (name: InstanceSettingName): string => INSTANCE_SETTINGS[name].stored

/** The meaning of what is stored, or of the default where nothing is stored that can be read. */
export function valueOfSetting<Name extends InstanceSettingName>(
  name: Name,
  stored: string | undefined,
): InstanceSettingValue<Name> {
  const { read, default: fallback } = INSTANCE_SETTINGS[name]
  const value = (stored === undefined ? undefined : read(stored)) ?? read(fallback)
  if (value === undefined) throw new Error(`the default of ${name} cannot be read`)
  return value as InstanceSettingValue<Name>
}
