import { registerApp, registrationOf, removeApp, storeChange } from '../../admin/apps/apps.ts'
import { addAppSecret } from '../../admin/apps/secrets.ts'
import type { ChangeContext } from '../../admin/change/record-change.ts'
import type { Actor, RunChange } from '../../admin/change/run-change.ts'
import { isValidSecret, provesItselfBySecret } from '../../domain/apps/app-secret.ts'
import { keepDecided } from '../../domain/apps/decided-attributes.ts'
import { SELF_REGISTERED_PREFIX } from '../../domain/apps/own-names.ts'
import {
  type InitialAccessToken,
  type SelfRegistration,
  stateOfInitialToken,
} from '../../domain/apps/self-registration.ts'
import {
  APP_DEFAULTS,
  type AppRegistration,
  type AppSecret,
  type TrustedApplication,
} from '../../domain/apps/trusted-application.ts'
import type { SigningAlgorithm } from '../../domain/protocol/signing-algorithm.ts'
import type { SealedRows } from '../../lib/crypto/master-keys.ts'
import { digest, newId, newSecret, newShortId, type Random, sameDigest } from '../../lib/crypto/secrets.ts'
import type { WhileOutside } from '../../lib/flow/outside.ts'
import type { Outbound } from '../../lib/net/outbound.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import { type ClientInformation, describeClient } from './describe.ts'
import { type Offer, type ReadMetadata, readMetadata } from './read-metadata.ts'
import {
  initialTokenBad,
  initialTokenMissing,
  inMetadataWords,
  metadataRefused,
  registrationTokenBad,
} from './refusals.ts'
import type { CountRegistrations, RegistrationLimits } from './registration-limits.ts'
import { createFetchSector, requireFetchable, requireSector } from './require-sector.ts'

/** What the operator lets apps do. */
export interface RegistrationPolicy extends RegistrationLimits {
  readonly mode: 'off' | 'token' | 'open'
  readonly scopes: readonly string[]
  /** Client metadata has no word for it. */
  readonly requirePkce: boolean
}

interface Dependencies {
  readonly read: Pick<Repositories, 'apps' | 'selfRegistrations' | 'initialAccessTokens'>
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
  const { policy, offer, issuer, defaultAlgorithm, sealedSecrets } = dependencies
  const facts = { issuer, defaultAlgorithm }
  const fetchSector = createFetchSector(outbound, whileOutside)

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

  /** What can be said of metadata without a look at the record, and without asking anybody. */
  function readChecked(body: Body, scope: readonly string[] = []): ReadMetadata {
    const wanted = readMetadata(body, offer, scope)
    if (wanted.complaints.length > 0) throw metadataRefused(wanted.complaints)
    requireFetchable(wanted.changes, outbound)
    return wanted
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

  const ownerOf = (client: string, token: string | undefined, address: string | undefined): Actor => ({
    actor: `app:${client}`,
    ...(address === undefined ? {} : { address }),
    recheck: (unit) => requireOwn(unit, client, token),
  })

  return {
    /** @param bearer the initial access token, where one came */
    async register(
      body: Body,
      bearer: string | undefined,
      { address }: Pick<Actor, 'address'>,
    ): Promise<ClientInformation> {
      requireDiskSpace()
      const token = await requireInitialToken(read, bearer)
      const { changes, kept } = readChecked(body)
      const isFetched = changes.sectorIdentifierUri !== undefined
      if (isFetched) await counts.countFetch(token, address)
      await requireSector(changes, fetchSector)
      const applicationUri = `${SELF_REGISTERED_PREFIX}${newShortId(random)}`
      const value = newSecret(random)
      const actor = {
        actor: token ? `initial-token:${token.id}` : 'nobody',
        ...(address === undefined ? {} : { address }),
        recheck: (unit: Unit) => requireInitialToken(unit, bearer),
      }
      return runChange(actor, async (unit, context) => {
        await counts.requireRoom(unit, token, context)
        const wanted = {
          ...APP_DEFAULTS,
          applicationUri,
          name: applicationUri,
          requirePkce: policy.requirePkce,
          ...changes,
          impersonateAsInternalUserAllowed: true,
          selfRegistered: true,
        }
        const app = await inMetadataWords(() => registerApp(unit, wanted, context))
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
        if (isFetched) await counts.fetchWasGood(unit, token, address)
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
    async update(client: string, body: Body, token: string | undefined, { address }: Pick<Actor, 'address'>) {
      requireDiskSpace()
      const own = await requireOwn(read, client, token)
      requireSameClient(body, own.app, clock())
      const { changes, kept } = readChecked(body, own.app.scope)
      const isFetched = changes.sectorIdentifierUri !== undefined
      await counts.requireTurnToChange(own.registration, address)
      if (isFetched) await counts.countChangeAhead(own.registration, address)
      await requireSector(changes, fetchSector)
      return runChange(ownerOf(client, token, address), async (unit, context) => {
        const { app: before, registration } = await requireOwn(unit, client, token)
        if (!isFetched) await counts.countChange(unit, registration, address)
        const said = { ...registrationOf(before), name: client, ...changes }
        const wanted = keepDecided(said, registrationOf(before), registration.decided)
        const { after } = await inMetadataWords(() => storeChange(unit, wanted, context), client)
        await unit.selfRegistrations.update(client, { ...registration, metadata: kept })
        const secret = await giveSecret(unit, after, after.secrets, context)
        return describeClient(
          { app: after, registration: { ...registration, metadata: kept }, token: token ?? '', secret },
          facts,
        )
      })
    },

    /** @see RFC 7592 §2.3 */
    async remove(client: string, token: string | undefined, { address }: Pick<Actor, 'address'>): Promise<void> {
      const { registration } = await requireOwn(read, client, token)
      await runChange(ownerOf(client, token, address), async (unit, context) => {
        await counts.countRemoval(unit, registration, address)
        await removeApp(unit, client, context)
      })
    },
  }
}

interface Own {
  readonly app: TrustedApplication
  readonly registration: SelfRegistration
}

/** Who updates a registration repeats what they were given, and can choose neither anew. @see RFC 7592 §2.2 */
function requireSameClient(body: Body, { applicationUri, secrets }: TrustedApplication, now: number): void {
  const { client_id: client, client_secret: secret } = body
  const known =
    secret === undefined ||
    secret === null ||
    secrets.some((one) => isValidSecret(one, now) && sameDigest(one.hash, digest(String(secret))))
  const complaints = [
    ...(client === applicationUri ? [] : [{ name: 'client_id', reason: 'must be that of the registration' }]),
    ...(known ? [] : [{ name: 'client_secret', reason: 'is not the one that this server issued' }]),
  ]
  if (complaints.length > 0) throw metadataRefused(complaints, applicationUri)
}
