import type { TrustedApplication } from '../../domain/apps/trusted-application.ts'
import type { StagedSecrets } from '../../domain/instance/staged-records.ts'
import type { Was } from './later.ts'

/** What becomes of the secrets of apps that are there in the end; those of others go with them. */
export function stagedSecrets(apps: Iterable<Was<TrustedApplication>>): StagedSecrets {
  const all = [...apps].map(changesOf)
  return {
    kept: all.flatMap(({ kept }) => kept),
    dropped: all.flatMap(({ dropped }) => dropped),
    unsealed: all.flatMap(({ unsealed }) => unsealed),
  }
}

function changesOf({ before, after }: Was<TrustedApplication>): StagedSecrets {
  if (!after || before?.secrets === after.secrets) return { kept: [], dropped: [], unsealed: [] }
  const { applicationUri, secrets } = after
  const known = new Map(before?.secrets.map((secret) => [secret.id, secret]))
  const left = new Set(secrets.map(({ id }) => id))
  return {
    kept: secrets
      .filter((secret) => known.get(secret.id) !== secret)
      // What was sealed before may be sealed anew meanwhile.
      .map((secret) => (known.get(secret.id)?.sealed === secret.sealed ? { ...secret, sealed: undefined } : secret))
      .map((secret) => ({ applicationUri, secret })),
    dropped: [...known.keys()].filter((id) => !left.has(id)),
    unsealed: secrets
      .filter(({ id, sealed }) => sealed === undefined && known.get(id)?.sealed !== undefined)
      .map(({ id }) => id),
  }
}
