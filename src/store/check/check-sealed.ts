import type { Kysely } from 'kysely'
import { secretSealingKey } from '../../domain/apps/app-secret.ts'
import { activeKeys, nextKey } from '../../domain/tokens/signing-key-life.ts'
import { markOf } from '../../lib/crypto/master-key.ts'
import { deriveKey, open, type SealingKey } from '../../lib/crypto/sealed-box.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { settingsOn } from '../repositories/instance/settings.ts'
import { type StoredSigningKey, signingKeysOn } from '../repositories/tokens/signing-keys.ts'
import type { Schema } from '../schema/schema.ts'
import type { Table } from '../transfer/plan.ts'
import { type Check, failed, passed, restoring } from './check.ts'
import { pagesOf } from './pages.ts'

/** The master key, or why there is none. */
export type AtHand = { readonly key: Buffer } | { readonly fault: string }

const REMEDY = 'put back the key that the database was created with (TESSERA_MASTER_KEY_FILE)'

/** Whether what is sealed opens under the master key; a signing key that does not signs nothing. */
export async function checkSealed(
  db: Kysely<Schema>,
  plan: readonly Table[],
  master: AtHand,
  now: number,
): Promise<Check[]> {
  if ('fault' in master) return [{ name: 'signing keys', passed: false, detail: master.fault }]
  const mark = await settingsOn(db).get('master-key-mark')
  if (mark !== undefined && mark !== markOf(master.key))
    return [failed('signing keys', 'this is not the master key of this database', REMEDY)]
  return [
    checkKeys(
      await signingKeysOn(db).list(),
      deriveKey(master.key, 'signing-keys'),
      mark !== undefined,
      now,
      restoring(db),
    ),
    await checkSecrets(db, plan, secretSealingKey(master.key)),
  ]
}

function checkKeys(
  keys: readonly StoredSigningKey[],
  sealing: SealingKey,
  inUse: boolean,
  now: number,
  restore: string,
): Check {
  const name = 'signing keys'
  if (keys.length === 0 && inUse)
    return failed(
      name,
      'there is none, so that no token can be signed or verified',
      `${restore}; or start the server, which makes new ones, and APIs refuse every token of before`,
    )
  for (const key of keys) {
    const text = open(sealing, key.sealedPrivateJwk, key.kid)
    if (text === undefined) return failed(name, `${key.kid} does not open under the master key`, REMEDY)
    if (!isPair(key, text)) return failed(name, `the two halves of ${key.kid} do not belong together`, restore)
  }
  const ending = [...activeKeys(keys, now).values()].find(
    ({ algorithm, retiresAt }) => retiresAt !== undefined && nextKey(keys, algorithm, now) === undefined,
  )
  if (ending)
    return failed(
      name,
      `${ending.kid}, which signs with ${ending.algorithm}, retires at ${isoTime(ending.retiresAt ?? 0)} and none follows`,
      `tessera key rotate --algorithm ${ending.algorithm}`,
    )
  return passed(name, `${keys.length} open under the master key`)
}

/** What is published has to verify what the sealed half signs. */
function isPair({ kid, algorithm, publicJwk }: StoredSigningKey, privateJwk: string): boolean {
  const half = JSON.parse(privateJwk) as Readonly<Record<string, unknown>>
  const isSame = ['kty', 'n', 'e', 'crv', 'x', 'y'].every((member) => half[member] === publicJwk[member])
  return isSame && publicJwk['kid'] === kid && publicJwk['alg'] === algorithm
}

async function checkSecrets(db: Kysely<Schema>, plan: readonly Table[], sealing: SealingKey): Promise<Check> {
  const table = plan.find((each) => each.name === 'app_secrets') as Table
  let sealed = 0
  for await (const rows of pagesOf(db, table))
    for (const { id, application_uri: app, sealed_secret: box } of rows) {
      if (typeof box !== 'string') continue
      sealed += 1
      if (open(sealing, box, String(id)) === undefined)
        return failed(
          'app secrets',
          `the secret ${id} of ${app} does not open under the master key`,
          `tessera app rotate-secret ${shellWord(String(app))}`,
        )
    }
  return passed('app secrets', `${sealed} open under the master key`)
}
