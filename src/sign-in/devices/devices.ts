import { createHmac } from 'node:crypto'
import { DEVICE_KNOWN_FOR } from '../../domain/sessions/device.ts'
import type { User } from '../../domain/users/user.ts'
import { type Random, sameDigest } from '../../lib/crypto/secrets.ts'
import type { Clock } from '../../lib/time/clock.ts'

// People who share a browser.
const MOST = 4

interface Dependencies {
  /** The key that signs comes first; each of them is believed. */
  readonly keys: () => readonly Buffer[]
  readonly clock: Clock
  readonly random: Random
}

export type Devices = ReturnType<typeof createDevices>

/**
 * Knows devices again by a signed cookie that names nobody: who has it has signed in to the account before, and is not kept out
 * when strangers guess. A new password ends it.
 * @see https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
 */
export function createDevices({ keys, clock, random }: Dependencies) {
  const signatures = (id: string, at: string, { id: user, epoch }: Pick<User, 'id' | 'epoch'>): string[] =>
    keys().map((key) => createHmac('sha256', key).update(`${id}.${at}.${user}.${epoch}`).digest('base64url'))

  const entriesIn = (cookie: string | undefined): string[] =>
    (cookie ?? '').split('~', MOST).filter((entry) => /^[\w-]{22}\.[0-9a-z]{8,9}\.[\w-]{43}$/.test(entry))

  function idOf(entry: string, user: Pick<User, 'id' | 'epoch'>): string | undefined {
    const [id = '', at = '', signature = ''] = entry.split('.')
    const age = clock() - Number.parseInt(at, 36)
    const isGenuine = signatures(id, at, user).some((one) => sameDigest(signature, one))
    return isGenuine && age < DEVICE_KNOWN_FOR ? id : undefined
  }

  return {
    /** The id of this device, if the account signed in with it before. */
    recognise: (cookie: string | undefined, user: Pick<User, 'id' | 'epoch'>): string | undefined =>
      entriesIn(cookie)
        .map((entry) => idOf(entry, user))
        .find((id) => id !== undefined),

    /** The cookie of this device from now on, which keeps what it was for others. */
    remember(cookie: string | undefined, user: Pick<User, 'id' | 'epoch'>): string {
      const id = random(16).toString('base64url')
      const at = clock().toString(36)
      const others = entriesIn(cookie).filter((entry) => idOf(entry, user) === undefined)
      return [`${id}.${at}.${signatures(id, at, user)[0]}`, ...others].slice(0, MOST).join('~')
    },
  }
}
