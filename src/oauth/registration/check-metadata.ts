import { validateApp } from '../../admin/apps/validate-app.ts'
import type { Here } from '../../admin/change/record-change.ts'
import { isInvalidChange } from '../../admin/change/refuse-change.ts'
import type { ReadCatalogue } from '../../domain/access/resource-indicators.ts'
import { apisToList, scopesByDefault, scopesToGive } from '../../domain/access/self-registered-access.ts'
import { isValidSecret } from '../../domain/apps/app-secret.ts'
import type { SelfRegistration } from '../../domain/apps/self-registration.ts'
import type { AppRegistration, TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { Fault } from '../../domain/refusals/errors.ts'
import { digest, sameDigest } from '../../lib/crypto/secrets.ts'
import type { Outbound } from '../../lib/net/outbound.ts'
import type { Clock } from '../../lib/time/clock.ts'
import type { Repositories } from '../../store/store.ts'
import type { MetadataComplaint } from './client-metadata.ts'
import { type Offer, type ReadMetadata, readMetadata } from './read-metadata.ts'
import { furtherComplaints, metadataRefused } from './refusals.ts'
import { notFetchable } from './require-sector.ts'

/** An app that registered itself, with what lets it look after that. */
export interface Own {
  readonly app: TrustedApplication
  readonly registration: SelfRegistration
}

type Body = Readonly<Record<string, unknown>>
export type Changes = ReadMetadata['changes']

interface Dependencies {
  readonly read: Pick<Repositories, 'users' | 'resources' | 'settings'>
  readonly readCatalogue: ReadCatalogue
  readonly offer: Offer
  /** API scopes that the operator gives away. */
  readonly scopes: readonly string[]
  readonly here: Here
  readonly outbound: Pick<Outbound, 'whyNotFetchable'>
  readonly clock: Clock
}

/** Reads client metadata and says all that is wrong with them, as far as that is known without asking another server. */
export function createCheckMetadata({ read, readCatalogue, offer, scopes, here, outbound, clock }: Dependencies) {
  const faultsOf = (record: AppRegistration, before: AppRegistration | undefined): Promise<readonly Fault[]> =>
    validateApp(record, read, { here }, before).then(
      () => [],
      (error: unknown) => (isInvalidChange(error) ? error.faults : Promise.reject(error)),
    )

  /**
   * @param complete makes the record of what was read
   * @param own the registration that is changed
   * @throws Refused
   */
  return async function checkMetadata(
    body: Body,
    complete: (changes: Changes) => AppRegistration,
    own?: Own,
  ): Promise<Pick<ReadMetadata, 'changes' | 'kept'>> {
    const catalogue = await readCatalogue()
    const { scope = [], apiResources = [] } = own?.app ?? {}
    const metadata = readMetadata(body, offer, {
      allowed: [...scopesToGive(scopes, catalogue, apiResources), ...scope],
      byDefault: own ? scope : scopesByDefault(scopes, catalogue),
    })
    const changes = {
      ...metadata.changes,
      apiResources: apisToList(metadata.changes.scope, catalogue, apiResources),
    }
    const found = [
      ...(own ? notTheSameClient(body, own.app, clock()) : []),
      ...metadata.complaints,
      ...notFetchable(changes, outbound),
    ]
    if (found.length === 0) return { changes, kept: metadata.kept }
    const faults = await faultsOf(complete(changes), own?.app)
    throw metadataRefused([...found, ...furtherComplaints(faults, found)], own?.app.applicationUri)
  }
}

/** Who updates a registration repeats what they were given, and can choose neither anew. @see RFC 7592 §2.2 */
function notTheSameClient(
  { client_id: client, client_secret: secret }: Body,
  { applicationUri, secrets }: TrustedApplication,
  now: number,
): MetadataComplaint[] {
  const known =
    secret === undefined ||
    secret === null ||
    secrets.some((one) => isValidSecret(one, now) && sameDigest(one.hash, digest(String(secret))))
  return [
    ...(client === applicationUri ? [] : [{ name: 'client_id', reason: 'must be that of the registration' }]),
    ...(known ? [] : [{ name: 'client_secret', reason: 'is not the one that this server issued' }]),
  ]
}
