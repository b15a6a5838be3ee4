import type { Kysely } from 'kysely'
import { APP_SECRETS } from '../../domain/apps/app-secret.ts'
import { activeKeys, nextKey } from '../../domain/tokens/signing-key-life.ts'
import { openLastingKeys } from '../../lib/crypto/lasting-keys.ts'
import { type KeyRing, keysFor, type MasterKey } from '../../lib/crypto/master-key.ts'
import { deriveKey, open } from '../../lib/crypto/sealed-box.ts'
import { shellWord } from '../../lib/text/shell.ts'
import { isoTime } from '../../lib/time/clock.ts'
import { masterKeyOn } from '../repositories/instance/master-key.ts'
import { type StoredSigningKey, signingKeysOn } from '../repositories/tokens/signing-keys.ts'
import type { Schema } from '../schema/schema.ts'
import type { Table } from '../transfer/plan.ts'
import { type Check, failed, passed, restoring } from './check.ts'
import { pagesOf } from './pages.ts'

/** The master keys, or why there are none. */
export type AtHand = { readonly ring: KeyRing } | { readonly fault: string }

const REMEDY = 'put back the key that the database was created with (TESSERA_MASTER_KEY_FILE)'
const REMEDY_LATER = 'add the key that tessera key reseal put in force (TESSERA_MASTER_KEY_FILE)'

/** The key in force first. */
type Keys = readonly MasterKey[]

/** Whether what is sealed opens under the master keys; a signing key that does not signs nothing. */
export async function checkSealed(
  db: Kysely<Schema>,
  plan: readonly Table[],
  master: AtHand,
  now: number,
): Promise<Check[]> {
  if ('fault' in master) return [{ name: 'signing keys', passed: false, detail: master.fault }]
  const record = await masterKeyOn(db).find()
  const all = keysFor(master.ring, record?.mark)
  const inForce = record === undefined ? all[0] : all.find(({ mark }) => mark === record.mark)
  if (inForce === undefined) {
    const former = await masterKeyOn(db).former()
    const remedy = all.some(({ mark }) => former.includes(mark)) ? REMEDY_LATER : REMEDY
    return [failed('signing keys', 'this is not the master key of this database', remedy)]
  }
  const keys = [inForce, ...all.filter((key) => key !== inForce)]
  return [
    checkKeys(await signingKeysOn(db).list(), keys, record !== undefined, now, restoring(db)),
    await checkSecrets(db, plan, keys),
    ...checkLasting(record?.lasting, inForce, restoring(db)),
  ]
}

/** What was derived from the first master key, once another one is in force. */
function checkLasting(box: string | undefined, { bytes }: MasterKey, restore: string): Check[] {
  if (box === undefined) return []
  const name = 'pairwise key'
  return openLastingKeys(box, bytes) === undefined
    ? [failed(name, 'what pairwise subjects are made with does not open under the master key', restore)]
    : [passed(name, 'opens under the master key')]
}

/** Opens boxes of one purpose, and counts those that are not under the key in force. */
function openerOf(keys: Keys, purpose: string) {
  const derived = keys.map(({ bytes }) => deriveKey(bytes, purpose))
  let underOthers = 0
  return {
    open(box: string, context: string): string | undefined {
      for (const [index, key] of derived.entries()) {
        const text = open(key, box, context)
        if (text === undefined) continue
        underOthers += index === 0 ? 0 : 1
        return text
      }
      return undefined
    },
    said: (count: number): string =>
      underOthers === 0
        ? `${count} open under the master key`
        : `${count} open under the master keys, ${underOthers} of them not under the one in force; tessera key reseal finishes that`,
  }
}

function checkKeys(
  keys: readonly StoredSigningKey[],
  masterKeys: Keys,
  inUse: boolean,
  now: number,
  restore: string,
): Check {
  const name = 'signing keys'
  const sealed = openerOf(masterKeys, 'signing-keys')
  if (keys.length === 0 && inUse)
    return failed(
      name,
      'there is none, so that no token can be signed or verified',
      `${restore}; or start the server, which makes new ones, and APIs refuse every token of before`,
    )
  for (const key of keys) {
    const text = sealed.open(key.sealedPrivateJwk, key.kid)
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
  return passed(name, sealed.said(keys.length))
}

/** What is published has to verify what the sealed half signs. */
function isPair({ kid, algorithm, publicJwk }: StoredSigningKey, privateJwk: string): boolean {
  const half = JSON.parse(privateJwk) as Readonly<Record<string, unknown>>
  const isSame = ['kty', 'n', 'e', 'crv', 'x', 'y'].every((member) => half[member] === publicJwk[member])
  return isSame && publicJwk['kid'] === kid && publicJwk['alg'] === algorithm
}

async function checkSecrets(db: Kysely<Schema>, plan: readonly Table[], keys: Keys): Promise<Check> {
  const boxes = openerOf(keys, APP_SECRETS)
  const table = plan.find((each) => each.name === 'app_secrets') as Table
  let sealed = 0
  for await (const rows of pagesOf(db, table))
    for (const { id, application_uri: app, sealed_secret: box } of rows) {
      if (typeof box !== 'string') continue
      sealed += 1
      if (boxes.open(box, String(id)) === undefined)
        return failed(
          'app secrets',
          `the secret ${id} of ${app} does not open under the master key`,
          `tessera app rotate-secret ${shellWord(String(app))}`,
        )
    }
  return passed('app secrets', boxes.said(sealed))
}
