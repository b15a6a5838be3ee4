import { registerApp, registrationOf, removeApp, storeChange } from '../../admin/apps/apps.ts'
import { addAppSecret } from '../../admin/apps/secrets.ts'
import type { ChangeContext, Here } from '../../admin/change/record-change.ts'
import type { Actor, RunChange } from '../../admin/change/run-change.ts'
import type { ReadCatalogue } from '../../domain/access/resource-indicators.ts'
import { isValidSecret, provesItselfBySecret } from '../../domain/apps/app-secret.ts'
import { keepDecided } from '../../domain/apps/decided-attributes.ts'
import { SELF_REGISTERED_PREFIX } from '../../domain/apps/own-names.ts'
import { type InitialAccessToken, stateOfInitialToken } from '../../domain/apps/self-registration.ts'
import { APP_DEFAULTS, type AppRegistration, type AppSecret } from '../../domain/apps/trusted-application.ts'
import type { SigningAlgorithm } from '../../domain/protocol/signing-algorithm.ts'
import type { SealedRows } from '../../lib/crypto/master-keys.ts'
import { digest, newId, newSecret, newShortId, type Random, sameDigest } from '../../lib/crypto/secrets.ts'
import type { WhileOutside } from '../../lib/flow/outside.ts'
import type { Outbound } from '../../lib/net/outbound.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import { type Changes, createCheckMetadata, type Own } from './check-metadata.ts'
import { type ClientInformation, describeClient } from './describe.ts'
import type { Offer } from './read-metadata.ts'
import { initialTokenBad, initialTokenMissing, inMetadataWords, registrationTokenBad } from './refusals.ts'
import type { Caller, CountRegistrations, RegistrationLimits } from './registration-limits.ts'
import { createFetchSector, requireSector } from './require-sector.ts'

/** What the operator lets apps do. */
export interface RegistrationPolicy extends RegistrationLimits {
  readonly mode: 'off' | 'token' | 'open'
  readonly scopes: readonly string[]
  /** Client metadata has no word for it. */
  readonly requirePkce: boolean
}

interface Dependencies {
  readonly read: Pick<Repositories, Records>
  readonly counts: CountRegistrations
  /** @throws Refused while nothing new may be stored */
  readonly requireDiskSpace: () => void
  readonly runChange: RunChange<keyof Unit>
  readonly clock: Clock
  readonly random: Random
  readonly outbound: Pick<Outbound, 'get' | 'whyNotFetchable'>
  readonly whileOutside: WhileOutside
  readonly policy: RegistrationPolicy
  readonly offer: Offer
  readonly readCatalogue: ReadCatalogue
  readonly here: Here
  readonly issuer: string
  /** What is signed with for an app that names no algorithm. */
  readonly defaultAlgorithm: SigningAlgorithm
  /** Seals secrets that apps sign with. */
  readonly sealedSecrets: Pick<SealedRows, 'sealIn'>
}

type Body = Readonly<Record<string, unknown>>
type Records = 'apps' | 'users' | 'resources' | 'settings' | 'selfRegistrations' | 'initialAccessTokens'
type Unit = Pick<Repositories, Records | 'masterKey' | 'auditEvents' | 'signInAttempts'>

export type Registration = ReturnType<typeof createRegistration>

/** Lets apps register themselves, and change or end that registration. @see RFC 7591, RFC 7592 */
export function createRegistration(dependencies: Dependencies) {
  const { read, requireDiskSpace, runChange, clock, random, counts, outbound, whileOutside } = dependencies
  const { policy, issuer, defaultAlgorithm, sealedSecrets } = dependencies
  const facts = { issuer, defaultAlgorithm }
  const fetchSector = createFetchSector(outbound, whileOutside)
  const checkMetadata = createCheckMetadata({ ...dependencies, scopes: policy.scopes })

  async function requireInitialToken(
    { initialAccessTokens }: Pick<Unit, 'initialAccessTokens'>,
    value: string | undefined,
  ): Promise<InitialAccessToken | undefined> {
    if (value === undefined && policy.mode === 'open') return undefined
    if (value === undefined) throw initialTokenMissing()
    const token = await initialAccessTokens.find(digest(value))
    if (!token || stateOfInitialToken(token, clock()) !== 'live') throw initialTokenBad()
    return token
  }

  /** @returns `undefined` where the app proves itself without one, or has one already */
  async function giveSecret(
    unit: Unit,
    app: AppRegistration,
    secrets: readonly AppSecret[],
    context: ChangeContext,
  ): Promise<string | undefined> {
    if (!provesItselfBySecret(app)) return undefined
    if (secrets.some((known) => isValidSecret(known, context.now))) return undefined
    const [id, secret] = [newId(), newSecret(random)]
    const kept = {
      id,
      hash: digest(secret),
      createdAt: context.now,
      expiresAt: undefined,
      sealed: (await sealedSecrets.sealIn(unit))(secret, id),
    }
    await addAppSecret(unit, app.applicationUri, kept, context)
    return secret
  }

  /** An app that an administrator disabled or removed has nothing to say here any more. */
  async function requireOwn(
    unit: Pick<Unit, 'apps' | 'selfRegistrations'>,
    client: string,
    token: string | undefined,
  ): Promise<Own> {
    if (token === undefined) throw registrationTokenBad(client, 'no Authorization: Bearer header came with the request')
    const registration = await unit.selfRegistrations.find(client)
    const app = await unit.apps.find(client)
    if (!app?.selfRegistered || !registration)
      throw registrationTokenBad(client, 'no app registered itself under this client_id')
    if (!sameDigest(digest(token), registration.tokenDigest))
      throw registrationTokenBad(client, 'the token belongs to another registration')
    if (!app.isEnabled) throw registrationTokenBad(client, 'an administrator disabled the app')
    return { app, registration }
  }

  const ownerOf = (client: string, token: string | undefined, address: string): Actor => ({
    actor: `app:${client}`,
    address,
    recheck: (unit) => requireOwn(unit, client, token),
  })

  return {
    /** @param bearer the initial access token, where one came */
    async register(body: Body, bearer: string | undefined, caller: Caller): Promise<ClientInformation> {
      requireDiskSpace()
      const { address } = caller
      const token = await requireInitialToken(read, bearer)
      const applicationUri = `${SELF_REGISTERED_PREFIX}${newShortId(random)}`
      const complete = (changes: Changes): AppRegistration => ({
        ...APP_DEFAULTS,
        applicationUri,
        name: applicationUri,
        requirePkce: policy.requirePkce,
        ...changes,
        impersonateAsInternalUserAllowed: true,
        selfRegistered: true,
      })
      const { changes, kept } = await checkMetadata(body, complete)
      const isFetched = changes.sectorIdentifierUri !== undefined
      if (isFetched) await counts.countFetch(token, caller)
      await requireSector(changes, fetchSector)
      const value = newSecret(random)
      const actor = {
        actor: token ? `initial-token:${token.id}` : 'nobody',
        address,
        recheck: (unit: Unit) => requireInitialToken(unit, bearer),
      }
      return runChange(actor, async (unit, context) => {
        await counts.requireRoom(unit, token, caller, context.now)
        const app = await inMetadataWords(() => registerApp(unit, complete(changes), context))
        const secret = await giveSecret(unit, app, [], context)
        const registration = {
          applicationUri,
          tokenDigest: digest(value),
          initialAccessToken: token?.id,
          metadata: kept,
          decided: [],
          createdAt: context.now,
        }
        await unit.selfRegistrations.add(registration)
        if (isFetched) await counts.fetchWasGood(unit, token, caller)
        if (token && !(await unit.initialAccessTokens.consume(token.id, context.now))) throw initialTokenBad()
        return describeClient({ app, registration, token: value, secret }, facts)
      })
    },

    async find(client: string, token: string | undefined): Promise<ClientInformation> {
      return describeClient(
        { ...(await requireOwn(read, client, token)), token: token ?? '', secret: undefined },
        facts,
      )
    },

    /** Takes the metadata in place of all that was said before; what an administrator decides stays. @see RFC 7592 §2.2 */
    async update(client: string, body: Body, token: string | undefined, caller: Caller) {
      requireDiskSpace()
      const own = await requireOwn(read, client, token)
      const { changes, kept } = await checkMetadata(body, (said) => changed(own, said), own)
      const isFetched = changes.sectorIdentifierUri !== undefined
      await counts.requireTurnToChange(own.registration, caller)
      if (isFetched) await counts.countChangeAhead(own.registration, caller)
      await requireSector(changes, fetchSector)
      return runChange(ownerOf(client, token, caller.address), async (unit, context) => {
        const now = await requireOwn(unit, client, token)
        const { registration } = now
        if (!isFetched) await counts.countChange(unit, registration, caller)
        const { after } = await inMetadataWords(() => storeChange(unit, changed(now, changes), context), client)
        await unit.selfRegistrations.update(client, { ...registration, metadata: kept })
        const secret = await giveSecret(unit, after, after.secrets, context)
        return describeClient(
          { app: after, registration: { ...registration, metadata: kept }, token: token ?? '', secret },
          facts,
        )
      })
    },

    /** @see RFC 7592 §2.3 */
    async remove(client: string, token: string | undefined, caller: Caller): Promise<void> {
      const { registration } = await requireOwn(read, client, token)
      await runChange(ownerOf(client, token, caller.address), async (unit, context) => {
        await counts.countRemoval(unit, registration, caller)
        await removeApp(unit, client, context)
      })
    },
  }
}

/** The record after the app has said this of itself; what an administrator decides stays. */
const changed = ({ app, registration }: Own, said: Changes): AppRegistration =>
  keepDecided({ ...registrationOf(app), name: app.applicationUri, ...said }, registrationOf(app), registration.decided)
