import { createHmac } from 'node:crypto'
import { countAttempt, OF_ACCOUNT, OF_NAME, ofNetwork } from '../../domain/sessions/sign-in-attempts.ts'
import { nameOfAccount, type User } from '../../domain/users/user.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { AttemptsOf, SignInAttempts } from '../../store/repositories/users/sign-in-attempts.ts'
import type { Write } from '../../store/store.ts'
import type { Devices } from '../devices/devices.ts'

interface Dependencies {
  readonly signInAttempts: Pick<SignInAttempts, 'find'>
  readonly write: Write<'signInAttempts'>
  readonly clock: Clock
  /** Names are kept as their HMAC, as people type passwords where the name belongs; new ones under the first of these. */
  readonly keys: () => readonly Buffer[]
  readonly devices: Pick<Devices, 'recognise'>
  /** Failed attempts a minute from one network; 0 is no limit. */
  readonly mostOfNetwork: number
}

/** Where an attempt comes from. */
export interface Origin {
  /** The network whose attempts count together; none for this very machine. */
  readonly network: string | undefined
  /** What the browser sent as its device cookie. */
  readonly deviceCookie: string | undefined
}

/** An attempt that may be made, or for how long none may; the same for names that are nobody's. */
export type Admission =
  | {
      readonly admitted: true
      readonly network: string | undefined
      readonly lockedOut: boolean
      readonly locks: boolean
    }
  | { readonly admitted: false; readonly until: number; readonly by: 'name' | 'network' }

export type SignInThrottle = ReturnType<typeof createSignInThrottle>

/**
 * Counts attempts to sign in, on all nodes together. A name that fails too often has to wait, whether or not it is anybody's; a
 * device that the account signed in with before has a count of its own, so that nobody can be locked out of it by strangers.
 */
export function createSignInThrottle(dependencies: Dependencies) {
  const { signInAttempts, write, clock, keys, devices, mostOfNetwork } = dependencies

  /** A name that is counted under an earlier key goes on being counted there, so that a new one forgets no attempt. */
  async function nameKey(login: string): Promise<string> {
    const [first = '', ...earlier] = keys().map(
      (key) => `name:${createHmac('sha256', key).update(nameOfAccount(login)).digest('base64url')}`,
    )
    if (earlier.length === 0 || (await signInAttempts.find(first))) return first
    for (const key of earlier) if (await signInAttempts.find(key)) return key
    return first
  }

  const ofThisNetwork = (network: string | undefined): AttemptsOf[] =>
    network === undefined || mostOfNetwork === 0
      ? []
      : [{ key: `network:${network}`, user: undefined, limit: ofNetwork(mostOfNetwork) }]

  /** A device that was used to guess is a stranger's again. */
  async function knownDevice(cookie: string | undefined, user: User | undefined): Promise<AttemptsOf | undefined> {
    const id = user && devices.recognise(cookie, user)
    if (!id) return undefined
    const device = { key: `device:${id}`, user: user.id, limit: OF_NAME }
    const attempts = await signInAttempts.find(device.key)
    return (attempts?.lockedUntil ?? 0) > clock() ? undefined : device
  }

  /** What is nobody's is counted just the same, so that it takes the same time. */
  const ofAccountOr = (user: User | undefined, name: AttemptsOf): AttemptsOf =>
    user
      ? { key: `user:${user.id}`, user: user.id, limit: OF_ACCOUNT }
      : { ...name, key: `nobody:${name.key}`, user: undefined }

  const refused = ({ until = clock() }: { readonly until: number | undefined }, key: string) =>
    ({ admitted: false, until, by: key.startsWith('network:') ? 'network' : 'name' }) as const

  return {
    /** Counts one attempt before its password is looked at, or says how long to wait. */
    async admit(login: string, user: User | undefined, { network, deviceCookie }: Origin): Promise<Admission> {
      const device = await knownDevice(deviceCookie, user)
      const networks = device ? [] : ofThisNetwork(network)
      const name: AttemptsOf = { key: await nameKey(login), user: user?.id, limit: OF_NAME }
      // Whoever must wait is refused without a write.
      for (const { key, limit } of [...networks, device ?? name]) {
        const turn = countAttempt(limit, await signInAttempts.find(key), clock())
        if (!turn.admitted) return refused(turn, key)
      }
      return write(async ({ signInAttempts }) => {
        const now = clock()
        for (const one of networks) {
          const turn = await signInAttempts.take(one, now)
          if (!turn.admitted) return refused(turn, one.key)
        }
        const turn = await signInAttempts.take(device ?? name, now)
        if (!turn.admitted) return refused(turn, name.key)
        const account = device ? undefined : ofAccountOr(user, name)
        const ofAccount = account && (await signInAttempts.take(account, now))
        return {
          admitted: true,
          network: networks[0]?.key,
          // Told apart from a wrong password by nobody but the operator: only names of accounts can be locked so.
          lockedOut: ofAccount?.admitted === false,
          locks: turn.locks || (ofAccount?.admitted === true && ofAccount.locks),
        }
      })
    },

    /** Forgets the attempts that a right password ends. */
    async succeed(user: User, { network }: Extract<Admission, { admitted: true }>): Promise<void> {
      await write(async ({ signInAttempts }) => {
        if (network !== undefined) await signInAttempts.giveBack(network)
        await signInAttempts.forgetUser(user.id)
      })
    },
  }
}
