import type { InitialAccessToken } from '../../domain/apps/self-registration.ts'
import { whyBadName } from '../../domain/records/readable-name.ts'
import { digest, newOrderedId, newSecret, type Random } from '../../lib/crypto/secrets.ts'
import { DAY, isoTime } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { invalidChange, notThere } from '../change/refuse-change.ts'

/** What a token is good for where nothing is said: a week, and one app. */
export const INITIAL_TOKEN_DEFAULTS = { lifetime: 7 * DAY, uses: 1 } as const

/** What is possible but probably not intended. */
export const warningsAboutInitialTokens = ({ mode }: { readonly mode: string }): string[] =>
  mode === 'off' ? ['TESSERA_REGISTRATION is off: apps cannot register themselves until it is token or open'] : []

type Unit = Pick<Repositories, 'initialAccessTokens' | 'auditEvents'>

export interface WantedInitialToken {
  readonly label: string | undefined
  /** Milliseconds; `undefined` does not expire. */
  readonly lifetime: number | undefined
  /** How many apps may be registered with it; `undefined` is any number. */
  readonly uses: number | undefined
}

/** Makes a token with which apps register themselves. @returns its value, which is told this once @throws Refused */
export async function createInitialToken(
  unit: Unit,
  { label, lifetime, uses }: WantedInitialToken,
  random: Random,
  context: ChangeContext,
): Promise<{ token: InitialAccessToken; value: string }> {
  const reason = label === undefined ? undefined : whyBadName(label)
  if (reason !== undefined) throw invalidChange([{ attribute: 'label', reason }])
  const value = newSecret(random)
  const token: InitialAccessToken = {
    id: newOrderedId(context.now),
    digest: digest(value),
    label,
    createdBy: context.actor,
    createdAt: context.now,
    expiresAt: lifetime === undefined ? undefined : context.now + lifetime,
    usesLeft: uses,
  }
  await unit.initialAccessTokens.add(token)
  const expiresAt = token.expiresAt === undefined ? null : isoTime(token.expiresAt)
  const detail = { token: token.id, label: label ?? null, uses: uses ?? null, expiresAt }
  await recordChange(unit, { event: 'initial_access_token_created', detail }, context)
  return { token, value }
}

const SHORTEST_PREFIX = 4

/** Ends a token by its id, or by a beginning that no other has; what was registered with it stays. @throws Refused */
export async function revokeInitialToken(
  unit: Unit,
  name: string,
  context: ChangeContext,
): Promise<InitialAccessToken> {
  const begins = ({ id }: InitialAccessToken): boolean =>
    id === name || (name.length >= SHORTEST_PREFIX && id.startsWith(name))
  const [token, another] = (await unit.initialAccessTokens.from(name, 2)).filter(begins)
  if (!token || another) {
    const several = `several initial access tokens have an id that begins with ${JSON.stringify(name)}; give more of it`
    const none = `no initial access token has the id ${JSON.stringify(name.slice(0, 80))}; tessera registration token list shows them`
    throw notThere([{ attribute: 'id', reason: token ? several : none }])
  }
  await unit.initialAccessTokens.remove(token.id)
  const detail = { token: token.id, label: token.label ?? null }
  await recordChange(unit, { event: 'initial_access_token_revoked', detail }, context)
  return token
}
