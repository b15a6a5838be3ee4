import type { GrantEpochs } from '../../domain/access/grant-status.ts'
import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import { storedName } from '../../domain/instance/instance-settings.ts'
import type { Refused } from '../../domain/refusals/errors.ts'
import {
  looksLikeReferenceToken,
  MOST_TOKENS_OF_A_USER,
  newReferenceToken,
  type ReferenceToken,
  type ReferenceTokenKind,
} from '../../domain/tokens/reference-token.ts'
import type { User } from '../../domain/users/user.ts'
import { digest, newOrderedId, type Random } from '../../lib/crypto/secrets.ts'
import { isoTime } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import { requireApp } from '../apps/apps.ts'
import { type ChangeContext, recordChange } from '../change/record-change.ts'
import { conflict, invalidChange, notThere } from '../change/refuse-change.ts'
import { findUser, requireUser } from '../users/find-user.ts'
import { readTokenDescription, readTokenExpiry, readTokenScope, whyNotIssued } from './reference-token-rules.ts'

type Unit = Pick<Repositories, 'apps' | 'users' | 'settings' | 'referenceTokens' | 'sessionEpochs' | 'auditEvents'>

/** A token as somebody asks for it; what is left out has a default. */
export interface WantedToken {
  readonly kind: ReferenceTokenKind
  /** The ApplicationUri. */
  readonly app: string
  /** Whom a PAT acts as: id, login or e-mail. */
  readonly user?: string | undefined
  /** With spaces between. */
  readonly scope?: string | undefined
  /** A length of time such as `30d`, or a time in ISO 8601. */
  readonly expires?: string | undefined
  readonly description?: string | undefined
}

/** A token with whom it concerns, and its value, which is told this once. */
export interface IssuedToken {
  readonly token: ReferenceToken
  readonly value: string
  readonly app: TrustedApplication
  readonly user: User
}

/**
 * Makes a personal or system access token.
 * @param asked the epochs under which somebody asked for it, where the unit of work had to be waited for
 * @throws Refused
 */
export async function issueReferenceToken(
  unit: Unit,
  wanted: WantedToken,
  random: Random,
  context: ChangeContext,
  asked?: GrantEpochs,
): Promise<IssuedToken> {
  const { kind } = wanted
  const { now } = context
  const app = await requireApp(unit, wanted.app)
  const user = await holderOf(unit, wanted, app)
  const longest = await unit.settings.get(storedName('ReferenceTokenMaxLifetime'))
  const scope = readTokenScope(wanted.scope, app)
  const expiry = readTokenExpiry(wanted.expires, longest, now)
  const description = readTokenDescription(wanted.description, kind, now)
  const fault = whyNotIssued(kind, app, user, context.actor)
  if (fault || !user) throw conflict(fault ? [fault] : [])
  if ('faults' in scope || 'faults' in expiry || 'faults' in description) {
    const faults = [scope, expiry, description].flatMap((read) => ('faults' in read ? read.faults : []))
    throw invalidChange(faults)
  }
  if (kind === 'PAT') await requireRoom(unit, user, now)
  const epochs = await epochsOf(unit, app, user)
  if (asked) requireSame(asked, epochs, user)
  const value = newReferenceToken(random)
  const token: ReferenceToken = {
    id: newOrderedId(now),
    kind,
    applicationUri: app.applicationUri,
    userId: user.id,
    ...epochs,
    presentSessionEpoch: epochs.sessionEpoch,
    description: description.value,
    scope: scope.value,
    createdBy: context.actor,
    createdAt: now,
    expiresAt: expiry.value,
    lastUsedAt: undefined,
    revokedAt: undefined,
  }
  await unit.referenceTokens.add(token, digest(value))
  const detail = {
    token: token.id,
    kind,
    scope: token.scope.join(' '),
    expiresAt: isoTime(token.expiresAt),
    description: token.description,
  }
  await recordChange(unit, { event: 'reference_token_issued', app: app.applicationUri, user: user.id, detail }, context)
  return { token, value, app, user }
}

/** Whom a token acts as; an app may have no System User. */
async function holderOf(unit: Unit, { kind, user }: WantedToken, app: TrustedApplication): Promise<User | undefined> {
  if (kind === 'PAT') return requireUser(unit, user ?? '')
  return app.systemUser === undefined ? undefined : unit.users.find(app.systemUser)
}

const epochsOf = async (
  { sessionEpochs }: Pick<Unit, 'sessionEpochs'>,
  app: TrustedApplication,
  user: User,
): Promise<GrantEpochs> => ({
  appEpoch: app.epoch,
  userEpoch: user.epoch,
  sessionEpoch: await sessionEpochs.find(app.applicationUri, user.id),
})

/** The epochs under which a token is asked for; none where there is no such app or user, which is told later. */
export async function epochsWhenAsked(
  unit: Pick<Unit, 'apps' | 'users' | 'sessionEpochs'>,
  wanted: WantedToken,
): Promise<GrantEpochs | undefined> {
  const app = await unit.apps.find(wanted.app)
  const name = wanted.kind === 'PAT' ? wanted.user : app?.systemUser
  const user = name === undefined ? undefined : await findUser(unit.users, name)
  return app && user && epochsOf(unit, app, user)
}

/** @throws Refused `conflict` where what ends the tokens of app and user was faster than this one */
function requireSame(asked: GrantEpochs, now: GrantEpochs, { login }: User): void {
  if (asked.appEpoch === now.appEpoch && asked.userEpoch === now.userEpoch && asked.sessionEpoch === now.sessionEpoch)
    return
  const reason = `the access of the app as ${login} was ended while this token was being created; ask again if it is still wanted`
  throw conflict([{ attribute: 'app', reason }])
}

/** @throws Refused `conflict` when the user has as many as anybody may have */
async function requireRoom({ referenceTokens }: Unit, user: User, now: number): Promise<void> {
  if ((await referenceTokens.countLive(user, 'PAT', now)) < MOST_TOKENS_OF_A_USER) return
  const reason = `this user already has ${MOST_TOKENS_OF_A_USER} valid PATs, the maximum; revoke one that is no longer used`
  throw conflict([{ attribute: 'kind', reason }])
}

/** Ends a token at once. @returns whether it had not been revoked before */
export async function revokeReferenceToken(
  unit: Pick<Unit, 'referenceTokens' | 'auditEvents'>,
  token: ReferenceToken,
  context: ChangeContext,
): Promise<boolean> {
  if (!(await unit.referenceTokens.revoke(token.id, context.now))) return false
  const { id, kind, applicationUri, userId } = token
  const detail = { token: id, kind }
  await recordChange(unit, { event: 'reference_token_revoked', app: applicationUri, user: userId, detail }, context)
  return true
}

const SHORTEST_PREFIX = 4

/** Finds a token by its id, or by a beginning that no other has. @throws Refused */
export async function requireReferenceToken(
  { referenceTokens }: Pick<Unit, 'referenceTokens'>,
  name: string,
): Promise<ReferenceToken> {
  const exact = await referenceTokens.findById(name)
  if (exact) return exact
  // Whoever sends the value where the id belongs does not find it in an answer or a log.
  if (looksLikeReferenceToken(name))
    throw absent('expects the id of the token, but this is its value; revoke that token')
  const next = name.length < SHORTEST_PREFIX ? [] : await referenceTokens.from(name, 2)
  const [first, second] = next.filter(({ id }) => id.startsWith(name))
  if (first && !second) return first
  const several = `several tokens have an id that begins with ${JSON.stringify(name)}; give more of it`
  const none = `no reference token has the id ${JSON.stringify(name)}; tessera token list shows them`
  throw absent(first ? several : none)
}

const absent = (reason: string): Refused => notThere([{ attribute: 'id', reason }])
