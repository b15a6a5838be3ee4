import { DAY } from '../../lib/time/clock.ts'

/** How long a device is known after a sign-in, milliseconds. */
export const DEVICE_KNOWN_FOR = 180 * DAY
